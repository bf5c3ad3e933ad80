// The message codec suite: what every MessageCodec must do, as checks that tell what is wrong. For users' codecs as for ours.
//
//   rain::MessageCodecSubject Subject() {
//     std::vector<MyMessage> samples = ...;
//     return rain::NewMessageCodecSubject<MyMessage>(NewMyCodec(), std::move(samples), [](const MyMessage& m) { return
//     ToString(m); });
//   }
//   class MyCodec : public testing::TestWithParam<rain::MessageCodecCheck> {};
//   TEST_P(MyCodec, Conforms) { EXPECT_THAT(GetParam().run(Subject()), testing::IsEmpty()); }
//   INSTANTIATE_TEST_SUITE_P(Suite, MyCodec, testing::ValuesIn(rain::MessageCodecChecks()), rain::MessageCodecCheckName());
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/router.h"
#include "listenrain/testing/violations.h"

namespace rain {

// A codec without the type of its messages: those of a few samples are known by what describes them.
struct MessageCodecSubject {
  struct Sample {
    std::string described;
    MsgId id;  // that the message carries
    std::function<absl::Status(const MessageHeader&, PayloadWriter&)> encode;
    // Set it where the message tells its own end, so that none of its beginnings is a message (a body of raw bytes does not).
    bool strict = false;
  };

  std::shared_ptr<const HeaderCodec> codec;
  // At least two, of at most 8 KiB, with different ids if the codec carries them. There may be larger ones beside.
  std::vector<Sample> samples;
  std::function<absl::StatusOr<std::string>(const MessageHeader&, Payload)> decode;  // and describe

  // What the wire has beside id and kind. Set these after NewMessageCodecSubject.
  bool remaining = false;           // MessageHeader::remaining, to a millisecond
  uint16_t flags = 0;               // these bits of MessageHeader::flags
  size_t max_error_text = 1 << 10;  // bytes of an error's text: a longer one is cut
  bool error_detail = false;

  // For codecs that do not copy large bodies: encodes a message with this body, and takes the body out of a decoded one.
  std::function<absl::Status(const MessageHeader&, Buffer body, PayloadWriter&)> encode_body;
  std::function<absl::StatusOr<Payload>(const MessageHeader&, Payload)> decode_body;
};

struct MessageCodecCheck {
  const char* name;
  Violations (*run)(const MessageCodecSubject&);
};

const std::vector<MessageCodecCheck>& MessageCodecChecks();

// For INSTANTIATE_TEST_SUITE_P.
struct MessageCodecCheckName {
  template <class ParamInfo>
  std::string operator()(const ParamInfo& info) const {
    return info.param.name;
  }
};

// All of them; each violation begins with its check's name.
Violations CheckMessageCodec(const MessageCodecSubject& subject);

// `describe` must tell apart what the codec must not mix up; the id carried and the route are added.
template <class M>
MessageCodecSubject NewMessageCodecSubject(std::shared_ptr<const MessageCodec<M>> codec, std::vector<M> messages,
                                           std::function<std::string(const M&)> describe) {
  const auto describe_all = [codec, describe = std::move(describe)](const M& message) {
    const bool carries = codec->traits().ids == IdPolicy::carried;
    return absl::StrCat(describe(message), ", id ", carries ? ToString(codec->IdOf(message)) : "of the transport", ", ",
                        ToString(codec->RouteOf(message)));
  };
  MessageCodecSubject subject;
  subject.codec = codec;
  const auto shared = std::make_shared<const std::vector<M>>(std::move(messages));
  for (const M& message : *shared) {
    subject.samples.push_back(
        {.described = describe_all(message),
         .id = codec->traits().ids == IdPolicy::carried ? codec->IdOf(message) : MsgId(),
         .encode = [codec, shared, &message](const MessageHeader& header,
                                             PayloadWriter& to) { return codec->EncodeMessage(header, message, to); },
         .strict = false});
  }
  subject.decode = [codec, describe_all](const MessageHeader& header, Payload payload) -> absl::StatusOr<std::string> {
    absl::StatusOr<M> message = codec->DecodeMessage(header, std::move(payload));
    if (!message.ok()) return message.status();
    return describe_all(*message);
  };
  return subject;
}

}  // namespace rain
