#include "listenrain/examples/sayhi/sayhi_codec.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/endian.h"
#include "listenrain/codecs/payload_cursor.h"

namespace sayhi {
namespace {

using rain::MessageHeader;
using rain::MessageKind;
using rain::Payload;

constexpr size_t kIntegerBytes = 4;
constexpr uint32_t kRequest = 0;
constexpr uint32_t kReply = 1;

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("sayhi codec: ", what, ": the peer speaks another protocol"));
}

uint32_t ReadInteger(rain::PayloadCursor& from) {
  std::string scratch;
  return rain::Load<uint32_t>(from.Read(kIntegerBytes, scratch).data());
}

// Leaves the cursor at the name's length.
absl::StatusOr<MessageHeader> ReadHeader(rain::PayloadCursor& from) {
  if (from.left() < 2 * kIntegerBytes) return Malformed("a payload of less than 8 bytes");
  const size_t length = ReadInteger(from);
  const uint32_t command = ReadInteger(from);
  if (length < kIntegerBytes || length - kIntegerBytes > from.left()) return Malformed("a header longer than its packet");
  if (command != kRequest && command != kReply) return Malformed(absl::StrCat("the unknown command ", command));
  std::string scratch;
  return MessageHeader{.id = rain::MsgId(from.Read(length - kIntegerBytes, scratch)),
                       .kind = command == kRequest ? MessageKind::request : MessageKind::reply};
}

class SayHiCodec final : public rain::MessageCodec<SayHi> {
 public:
  const rain::CodecTraits& traits() const override { return traits_; }

  // Nothing is known late: the id was encoded with the message.
  void WriteHeader(const MessageHeader&, absl::Span<char>) const override {}

  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, rain::Role) const override {
    rain::PayloadCursor cursor(payload);
    return ReadHeader(cursor);
  }

  absl::Status EncodeMessage(const MessageHeader& header, const SayHi& hi, rain::PayloadWriter& to) const override {
    const absl::string_view id = header.id.empty() ? absl::string_view(hi.id) : header.id.bytes();
    const absl::Span<char> front = to.Reserve(3 * kIntegerBytes + id.size());
    if (front.empty()) return to.status();
    rain::Store(front.data(), static_cast<uint32_t>(kIntegerBytes + id.size()));
    rain::Store(front.data() + kIntegerBytes, header.kind == MessageKind::request ? kRequest : kReply);
    if (!id.empty()) std::memcpy(front.data() + 2 * kIntegerBytes, id.data(), id.size());
    rain::Store(front.data() + 2 * kIntegerBytes + id.size(), static_cast<uint32_t>(hi.name.size()));
    to.Commit(front.size());
    to.Append(absl::string_view(hi.name));
    return to.status();
  }

  absl::StatusOr<SayHi> DecodeMessage(const MessageHeader&, Payload&& payload) const override {
    rain::PayloadCursor cursor(payload);
    const absl::StatusOr<MessageHeader> header = ReadHeader(cursor);
    if (!header.ok()) return header.status();
    if (cursor.left() < kIntegerBytes) return Malformed("no name");
    const size_t length = ReadInteger(cursor);
    if (length != cursor.left()) return Malformed("a name that does not end where its packet does");
    std::string scratch;
    return SayHi{.id = std::string(header->id.bytes()), .name = std::string(cursor.Read(length, scratch))};
  }

  rain::MsgId IdOf(const SayHi& hi) const override { return hi.id.empty() ? rain::MsgId() : rain::MsgId(hi.id); }
  rain::Route RouteOf(const SayHi&) const override { return {}; }

  // Never asked: traits() have no error kind.
  absl::Status EncodeError(const MessageHeader&, const absl::Status&, rain::PayloadWriter&) const override { return NoErrors(); }
  absl::Status DecodeError(const MessageHeader&, const Payload&) const override { return NoErrors(); }

 private:
  static absl::Status NoErrors() { return absl::FailedPreconditionError("sayhi codec: the wire has no error replies"); }

  const rain::CodecTraits traits_{.ids = rain::IdPolicy::carried,
                                  .kinds = Bit(MessageKind::request) | Bit(MessageKind::reply),
                                  .header_bytes = 2 * kIntegerBytes,
                                  .payload_alignment = 1};
};

}  // namespace

std::shared_ptr<const rain::MessageCodec<SayHi>> NewSayHiCodec() { return std::make_shared<SayHiCodec>(); }

}  // namespace sayhi
