#include "listenrain/testing/uuid_codec.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/native_fields.h"

namespace rain {
namespace {

constexpr KindSet kKinds = Bit(MessageKind::request) | Bit(MessageKind::reply) | Bit(MessageKind::error);

class UuidCodec final : public MessageCodec<UuidMessage> {
 public:
  explicit UuidCodec(UuidForm form)
      : width_(form == UuidForm::binary ? 16 : 36),
        traits_{.ids = IdPolicy::carried, .kinds = kKinds, .header_bytes = 1 + width_, .payload_alignment = 1} {}

  const CodecTraits& traits() const override { return traits_; }

  // Nothing is known late: the id was encoded with the message.
  void WriteHeader(const MessageHeader&, absl::Span<char>) const override {}

  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role) const override {
    if (payload.empty() || payload.front().size() < 1 + width_) {
      return absl::InvalidArgumentError(absl::StrCat("uuid codec: a payload of less than ", 1 + width_, " bytes"));
    }
    const char* const first = payload.front().data();
    return MessageHeader{.id = MsgId(absl::string_view(first + 1, width_)), .kind = static_cast<MessageKind>(first[0])};
  }

  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    if (absl::Status status = WriteFront(MessageKind::error, header.id.bytes(), to); !status.ok()) return status;
    const ErrorFields fields = FieldsOf(error);
    const char code = static_cast<char>(fields.code);
    to.Append(absl::string_view(&code, 1));
    to.Append(fields.text);
    return to.status();
  }

  absl::Status DecodeError(const MessageHeader&, const Payload& payload) const override {
    const std::string bytes = ToString(payload);
    if (bytes.size() < 1 + width_ + 1) return absl::InvalidArgumentError("uuid codec: an error reply without a status");
    return StatusOf(static_cast<uint8_t>(bytes[1 + width_]), absl::string_view(bytes).substr(1 + width_ + 1), {});
  }

  absl::Status EncodeMessage(const MessageHeader& header, const UuidMessage& message, PayloadWriter& to) const override {
    const absl::string_view id = header.id.empty() ? absl::string_view(message.id) : header.id.bytes();
    if (absl::Status status = WriteFront(header.kind, id, to); !status.ok()) return status;
    to.Append(absl::string_view(message.text));
    return to.status();
  }

  absl::StatusOr<UuidMessage> DecodeMessage(const MessageHeader&, Payload&& payload) const override {
    if (SizeOf(payload) < 1 + width_) return absl::InvalidArgumentError("uuid codec: a message that is cut short");
    const std::string bytes = ToString(payload);
    return UuidMessage{.id = bytes.substr(1, width_), .text = bytes.substr(1 + width_)};
  }

  MsgId IdOf(const UuidMessage& message) const override { return message.id.empty() ? MsgId() : MsgId(message.id); }
  Route RouteOf(const UuidMessage&) const override { return {}; }

 private:
  absl::Status WriteFront(MessageKind kind, absl::string_view id, PayloadWriter& to) const {
    if (id.size() != width_) {
      return absl::InvalidArgumentError(absl::StrCat("uuid codec: an id of ", id.size(), " bytes, where each has ", width_));
    }
    const absl::Span<char> first = to.Reserve(1 + width_);
    if (first.empty()) return NoRoom(to.status());
    first[0] = static_cast<char>(kind);
    std::memcpy(first.data() + 1, id.data(), width_);
    to.Commit(1 + width_);
    return absl::OkStatus();
  }

  const size_t width_;
  const CodecTraits traits_;
};

}  // namespace

std::shared_ptr<const MessageCodec<UuidMessage>> NewUuidCodec(UuidForm form) { return std::make_shared<UuidCodec>(form); }

}  // namespace rain
