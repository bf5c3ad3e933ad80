// What fuzzing holds codecs to, beside not to crash: ours, and users' own. Each function aborts if the codec contradicts itself.
//
//   extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // clang -fsanitize=fuzzer,address
//     static const auto codec = NewMyCodec();
//     rain::FuzzMessageCodec<MyMessage>(*codec, {reinterpret_cast<const char*>(data), size}, DescribeMyMessage);
//     return 0;
//   }
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "listenrain/codecs/message.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/packet_codec.h"

namespace rain {

// Aborts, and says what must not be, unless it holds. An assertion that counts in every build.
void MustHold(bool holds, const char* what);

// Cuts `stream` as a reader would: what is said of a packet must not depend on how many bytes came at a time, and a whole
// packet's payload, framed again, must give the same bytes. Frames it too: what is accepted must be cut as it was framed.
void FuzzPacketCodec(const PacketCodec& codec, absl::string_view stream);

// A decoded message without its type: what describes it, and how it is written again.
struct FuzzedMessage {
  std::string described;
  std::function<absl::Status(const MessageHeader&, PayloadWriter&)> encode;
};
void FuzzMessages(const HeaderCodec& codec, absl::string_view bytes,
                  absl::FunctionRef<absl::StatusOr<FuzzedMessage>(const MessageHeader&, Payload)> decode);

// Decodes `bytes` as a message and as an error, in both roles: one piece or two make no difference, and a message that is decoded
// can be encoded and decoded again to the same. `describe` must tell apart what the codec must not mix up.
template <class M>
void FuzzMessageCodec(const MessageCodec<M>& codec, absl::string_view bytes, absl::FunctionRef<std::string(const M&)> describe) {
  FuzzMessages(codec, bytes, [&](const MessageHeader& header, Payload payload) -> absl::StatusOr<FuzzedMessage> {
    absl::StatusOr<M> decoded = codec.DecodeMessage(header, std::move(payload));
    if (!decoded.ok()) return decoded.status();
    const auto message = std::make_shared<const M>(*std::move(decoded));
    return FuzzedMessage{describe(*message), [&codec, message](const MessageHeader& again, PayloadWriter& to) {
                           return codec.EncodeMessage(again, *message, to);
                         }};
  });
}
void FuzzMessageCodec(const MessageCodec<Message>& codec, absl::string_view bytes);

}  // namespace rain
