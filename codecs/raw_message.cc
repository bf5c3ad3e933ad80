#include "listenrain/codecs/raw_message.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/native_fields.h"

namespace rain {
namespace {

absl::Status NoErrors() {
  return absl::FailedPreconditionError(
      "raw codec: this wire has no error reply: let the handler answer with a message of its own");
}

class RawMessageCodec final : public MessageCodec<RawMessage> {
 public:
  explicit RawMessageCodec(size_t id_bytes)
      : traits_{.ids = IdPolicy::carried, .kinds = 0, .header_bytes = id_bytes, .payload_alignment = 1} {}

  const CodecTraits& traits() const override { return traits_; }

  // Nothing is known late: the id was encoded with the message.
  void WriteHeader(const MessageHeader&, absl::Span<char>) const override {}

  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role role) const override {
    if (payload.empty() || payload.front().size() < id_bytes()) return TooShort(payload);
    return MessageHeader{.id = MsgId(payload.front().view().substr(0, id_bytes())),
                         .kind = role == Role::acceptor ? MessageKind::request : MessageKind::reply};
  }

  absl::Status EncodeError(const MessageHeader&, const absl::Status&, PayloadWriter&) const override { return NoErrors(); }
  absl::Status DecodeError(const MessageHeader&, const Payload&) const override { return NoErrors(); }

  absl::Status EncodeMessage(const MessageHeader& header, const RawMessage& message, PayloadWriter& to) const override {
    const absl::string_view id = header.id.empty() ? absl::string_view(message.id) : header.id.bytes();
    if (id.size() != id_bytes()) {
      return absl::InvalidArgumentError(
          absl::StrCat("raw codec: an id of ", id.size(), " bytes, where each has ", id_bytes(), ": see RawMessageOptions"));
    }
    const absl::Span<char> first = to.Reserve(id.size());
    if (first.empty()) return NoRoom(to.status());
    std::memcpy(first.data(), id.data(), id.size());
    to.Commit(id.size());
    AppendBody(message.body, to);
    return to.status();
  }

  absl::StatusOr<RawMessage> DecodeMessage(const MessageHeader&, Payload&& payload) const override {
    if (payload.empty() || payload.front().size() < id_bytes()) return TooShort(payload);
    absl::StatusOr<RawMessage> message(absl::in_place);
    message->id.assign(payload.front().data(), id_bytes());
    TakeBody(std::move(payload), id_bytes(), message->body);
    return message;
  }

  MsgId IdOf(const RawMessage& message) const override {
    return message.id.empty() ? MsgId() : MsgId(absl::string_view(message.id));
  }
  Route RouteOf(const RawMessage&) const override { return {}; }

 private:
  size_t id_bytes() const { return traits_.header_bytes; }
  absl::Status TooShort(const Payload& payload) const {
    return absl::InvalidArgumentError(absl::StrCat("raw codec: a payload of ", SizeOf(payload), " bytes, where the id alone has ",
                                                   id_bytes(), ": the peer speaks another codec, or has ids of another width"));
  }

  const CodecTraits traits_;
};

}  // namespace

std::shared_ptr<const MessageCodec<RawMessage>> NewRawMessageCodec() {
  return std::make_shared<RawMessageCodec>(RawMessageOptions().id_bytes);
}

absl::StatusOr<std::shared_ptr<const MessageCodec<RawMessage>>> NewRawMessageCodec(const RawMessageOptions& options) {
  if (options.id_bytes == 0 || options.id_bytes > PayloadWriter::kReservedAtBegin) {
    return absl::InvalidArgumentError(
        absl::StrCat("raw codec: ids of ", options.id_bytes, " bytes: use 1 to ", PayloadWriter::kReservedAtBegin));
  }
  return std::make_shared<RawMessageCodec>(options.id_bytes);
}

std::string RawMessageId(uint64_t number, size_t id_bytes) {
  const std::string digits = std::to_string(number);
  if (digits.size() >= id_bytes) return digits.substr(digits.size() - id_bytes);
  return std::string(id_bytes - digits.size(), ' ') + digits;
}

}  // namespace rain
