// The Protobuf message codec: one of a program's own generated messages, in a native envelope. It includes nothing of Protobuf: a
// program that uses it has the headers of its messages, and links with Protobuf itself.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/message.h"
#include "listenrain/codecs/metadata.h"
#include "listenrain/codecs/native_fields.h"
#include "listenrain/framework/message_codec.h"

namespace rain {

// P: a message as protoc generates it, of the full or the lite runtime. Addressed as Message is: the command counts if there is
// one.
template <class P>
struct ProtobufMessage {
  int64_t method = 0;
  std::string command{};
  Metadata metadata{};
  P body{};
};

// See NewProtobufCodec.
template <class P>
class ProtobufCodec final : public MessageCodec<ProtobufMessage<P>> {
 public:
  explicit ProtobufCodec(std::shared_ptr<const MessageCodec<Message>> envelope) : envelope_(std::move(envelope)) {}

  const CodecTraits& traits() const override { return envelope_->traits(); }
  void WriteHeader(const MessageHeader& header, absl::Span<char> first) const override { envelope_->WriteHeader(header, first); }
  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role role) const override {
    return envelope_->PeekHeader(payload, role);
  }
  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    return envelope_->EncodeError(header, error, to);
  }
  absl::Status DecodeError(const MessageHeader& header, const Payload& payload) const override {
    return envelope_->DecodeError(header, payload);
  }

  // The envelope of a message without a body, and then the body where it will lie.
  absl::Status EncodeMessage(const MessageHeader& header, const ProtobufMessage<P>& message, PayloadWriter& to) const override {
    const size_t size = message.body.ByteSizeLong();
    if (!message.body.IsInitialized()) return Refused(message.body, "lacks required fields: set them");
    if (size > kMostBytes) return Refused(message.body, "has more than 2 GiB, which Protobuf cannot read: send less at once");
    const Message front{.method = message.method, .command = message.command, .metadata = message.metadata.Copy()};
    if (absl::Status status = envelope_->EncodeMessage(header, front, to); !status.ok() || size == 0) return status;
    const absl::Span<char> bytes = to.Reserve(size);
    if (bytes.empty()) return NoRoom(to.status());
    message.body.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(bytes.data()));
    to.Commit(size);
    return to.status();
  }

  absl::StatusOr<ProtobufMessage<P>> DecodeMessage(const MessageHeader& header, Payload&& payload) const override {
    absl::StatusOr<Message> front = envelope_->DecodeMessage(header, std::move(payload));
    if (!front.ok()) return front.status();
    absl::StatusOr<ProtobufMessage<P>> message(absl::in_place);
    message->method = front->method;
    message->command = std::move(front->command);
    message->metadata = std::move(front->metadata);
    std::string scratch;
    if (front->body.size() > 1) scratch = ToString(front->body);
    const absl::string_view bytes = front->body.size() == 1 ? front->body.front().view() : absl::string_view(scratch);
    // Partial: what is missing is told by the status, and not by Protobuf on standard error.
    if (bytes.size() > kMostBytes || !message->body.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Refused(message->body, "cannot be read from this body: the peer sends another message, or its own is broken");
    }
    if (!message->body.IsInitialized()) return Refused(message->body, "that came lacks required fields: the peer must set them");
    return message;
  }

  MsgId IdOf(const ProtobufMessage<P>&) const override { return {}; }
  Route RouteOf(const ProtobufMessage<P>& message) const override {
    if (!message.command.empty()) return absl::string_view(message.command);
    return message.method;
  }

 private:
  static constexpr size_t kMostBytes = std::numeric_limits<int>::max();
  static absl::Status Refused(const P& body, absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("protobuf codec: a ", body.GetTypeName(), " ", why));
  }

  const std::shared_ptr<const MessageCodec<Message>> envelope_;
};

// `envelope` says what is on the wire before the Protobuf bytes, which are its body: ids, kinds, remaining time, method, command,
// metadata and errors are as there. Null, and so by default: the compact codec. Another is the Cap'n Proto codec; one of a
// program's own will do if the body comes last.
template <class P>
std::shared_ptr<const MessageCodec<ProtobufMessage<P>>> NewProtobufCodec(
    std::shared_ptr<const MessageCodec<Message>> envelope = nullptr) {
  return std::make_shared<ProtobufCodec<P>>(envelope == nullptr ? NewCompactCodec() : std::move(envelope));
}

}  // namespace rain
