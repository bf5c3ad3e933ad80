#include "listenrain/codecs/raw_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "listenrain/testing/message_codec_suite.h"

namespace rain {
namespace {

using absl::StatusCode;
using Codec = std::shared_ptr<const MessageCodec<RawMessage>>;

RawMessage Raw(std::string id, std::string body) {
  RawMessage message{.id = std::move(id)};
  if (!body.empty()) message.body = Payload(Buffer::Adopt(std::move(body)));
  return message;
}

absl::StatusOr<std::string> Encoded(const Codec& codec, const MessageHeader& header, const RawMessage& message) {
  const auto pool = NewBufferPool();
  PooledWriter writer(*pool, 64 << 20);
  EXPECT_TRUE(writer.Begin().ok());
  if (absl::Status status = codec->EncodeMessage(header, message, writer); !status.ok()) return status;
  return ToString(writer.Take());
}

TEST(RawMessageId, IsTheNumberAtTheEndOfSpaces) {
  EXPECT_EQ(RawMessageId(17), std::string(34, ' ') + "17");
  EXPECT_EQ(RawMessageId(UINT64_MAX), std::string(16, ' ') + "18446744073709551615");
  EXPECT_EQ(RawMessageId(1234, 3), "234");
  EXPECT_EQ(RawMessageId(0, 1), "0");
}

TEST(RawMessageCodec, IsTheIdAndThenTheBody) {
  EXPECT_EQ(Encoded(NewRawMessageCodec(), {}, Raw(RawMessageId(17), "body")).value(), std::string(34, ' ') + "17body");
}

TEST(RawMessageCodec, AReplyHasItsRequestsIdWhateverTheMessageSays) {
  const MessageHeader reply{.id = MsgId("abcd"), .kind = MessageKind::reply};
  const Codec codec = NewRawMessageCodec({.id_bytes = 4}).value();
  EXPECT_EQ(Encoded(codec, reply, Raw("", "x")).value(), "abcdx");
  EXPECT_EQ(Encoded(codec, reply, Raw("wxyz", "x")).value(), "abcdx");
}

TEST(RawMessageCodec, RefusesIdsOfAnotherWidth) {
  const Codec codec = NewRawMessageCodec();
  EXPECT_EQ(Encoded(codec, {}, Raw("short", "")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded(codec, {}, Raw(std::string(37, 'x'), "")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encoded(codec, {.id = MsgId(uint64_t{7})}, Raw("", "")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(codec->IdOf(Raw("", "")).empty());
}

TEST(RawMessageCodec, HasIdsOfOneTo256Bytes) {
  EXPECT_EQ(NewRawMessageCodec({.id_bytes = 0}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NewRawMessageCodec({.id_bytes = 257}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(NewRawMessageCodec({.id_bytes = 256}).ok());
}

TEST(RawMessageCodec, AnEmptyBodyKeepsNoBlock) {
  const auto decoded = NewRawMessageCodec()->DecodeMessage({}, Payload(Buffer::Adopt(RawMessageId(1))));
  EXPECT_TRUE(decoded->body.empty());
}

class RawMessages : public testing::TestWithParam<std::tuple<size_t, MessageCodecCheck>> {};

TEST_P(RawMessages, Conform) {
  const auto& [width, check] = GetParam();
  const Codec codec = NewRawMessageCodec({.id_bytes = width}).value();
  std::vector<RawMessage> samples;
  samples.push_back(Raw(std::string(width, '\xff'), ""));
  samples.push_back(Raw(RawMessageId(17, width), "a small body"));
  samples.push_back(Raw(std::string(width, '\0'), std::string(70'000, 'b')));
  auto subject = NewMessageCodecSubject<RawMessage>(codec, std::move(samples), [](const RawMessage& message) {
    const std::string body = message.text();
    return absl::StrCat(body.size(), " bytes, sum ", std::hash<std::string>()(body));
  });
  subject.encode_body = [codec, width = width](const MessageHeader& header, Buffer body, PayloadWriter& to) {
    return codec->EncodeMessage(header, {.id = std::string(width, 'i'), .body = Payload(std::move(body))}, to);
  };
  subject.decode_body = [codec](const MessageHeader& header, Payload payload) -> absl::StatusOr<Payload> {
    absl::StatusOr<RawMessage> message = codec->DecodeMessage(header, std::move(payload));
    if (!message.ok()) return message.status();
    return std::move(message->body);
  };
  EXPECT_THAT(check.run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, RawMessages,
                         testing::Combine(testing::Values(1, 36, 256), testing::ValuesIn(MessageCodecChecks())),
                         [](const auto& tested) {
                           return absl::StrCat(std::get<0>(tested.param), "_", std::get<1>(tested.param).name);
                         });

}  // namespace
}  // namespace rain
