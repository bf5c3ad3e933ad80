#include "listenrain/codecs/compact.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/native_fields.h"
#include "listenrain/codecs/payload_cursor.h"

namespace rain {
namespace {

// Offsets of the fixed header; big-endian throughout.
constexpr size_t kVersionAt = 0;
constexpr size_t kKindAt = 1;
constexpr size_t kFlagsAt = 2;
constexpr size_t kIdAt = 4;
constexpr size_t kRemainingAt = 12;
constexpr size_t kMethodAt = 16;
constexpr size_t kHeaderBytes = 24;

// Flag bits 0 to 7: a section follows the header, in the order of the bits. Each is a 16-bit length and so many bytes, so that
// sections that are unknown here can be passed over.
constexpr uint16_t kCommand = 1 << 0;
constexpr uint16_t kMetadata = 1 << 1;
constexpr uint16_t kStatus = 1 << 2;
constexpr size_t kLengthBytes = 2;
constexpr size_t kMaxSection = UINT16_MAX;

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("compact codec: ", what, ": the peer speaks another codec, or its own is broken"));
}

size_t MetadataBytes(const Metadata& metadata) {
  size_t size = 0;
  for (const Metadata::Entry& entry : metadata.entries()) size += 2 * kLengthBytes + entry.key.size() + entry.value.size();
  return size;
}

absl::Status CheckSection(absl::string_view name, size_t size) {
  if (size <= kMaxSection) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("compact codec: a ", name, " of ", size, " bytes, where at most ", kMaxSection,
                                                 " travel: put it in the body"));
}

void AppendLength(size_t length, PayloadWriter& to) {
  char bytes[kLengthBytes];
  Store<uint16_t>(bytes, static_cast<uint16_t>(length));
  to.Append(absl::string_view(bytes, sizeof(bytes)));
}

void AppendSized(absl::string_view bytes, PayloadWriter& to) {
  AppendLength(bytes.size(), to);
  to.Append(bytes);
}

absl::Status ReadMetadata(absl::string_view section, Metadata& metadata) {
  const auto take = [&section](absl::string_view& part) {
    if (section.size() < kLengthBytes) return false;
    const size_t length = Load<uint16_t>(section.data());
    if (section.size() - kLengthBytes < length) return false;
    part = section.substr(kLengthBytes, length);
    section.remove_prefix(kLengthBytes + length);
    return true;
  };
  while (!section.empty()) {
    absl::string_view key, value;
    if (!take(key) || !take(value)) return Malformed("metadata that is cut short");
    metadata.Add(key, value);
  }
  return absl::OkStatus();
}

uint16_t SectionsOf(const Payload& payload) {
  return Load<uint16_t>(payload.front().data() + kFlagsAt) & static_cast<uint16_t>(~kCarriedFlags);
}

// Reads the sections, each of those in `wanted` into `use(bit, bytes)`, and says where the body begins.
template <typename Use>
absl::StatusOr<size_t> ReadSections(const Payload& payload, uint16_t wanted, Use use) {
  const uint16_t present = SectionsOf(payload);
  if (present == 0) return kHeaderBytes;
  PayloadCursor cursor(payload);
  cursor.Skip(kHeaderBytes);
  std::string scratch;
  for (uint16_t rest = present; rest != 0; rest = static_cast<uint16_t>(rest & (rest - 1))) {
    const auto bit = static_cast<uint16_t>(rest & -rest);
    if (cursor.left() < kLengthBytes) return Malformed("sections that are cut short");
    const size_t length = Load<uint16_t>(cursor.Read(kLengthBytes, scratch).data());
    if (cursor.left() < length) return Malformed("a section that is cut short");
    if ((bit & wanted) == 0) {
      cursor.Skip(length);
    } else if (absl::Status status = use(bit, cursor.Read(length, scratch)); !status.ok()) {
      return status;
    }
  }
  return cursor.read();
}

class CompactCodec final : public MessageCodec<Message> {
 public:
  const CodecTraits& traits() const override { return traits_; }

  void WriteHeader(const MessageHeader& header, absl::Span<char> first) const override {
    if (IsHeaderAlone(header.kind)) return FillFixed(header, 0, 0, first.data());
    Store<uint64_t>(first.data() + kIdAt, header.id.integer());
    Store<uint32_t>(first.data() + kRemainingAt, RemainingToWire(header.remaining));
  }

  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role) const override {
    if (absl::Status status = CheckFixed(payload); !status.ok()) return status;
    const char* const first = payload.front().data();
    return MessageHeader{.id = IdFromWire(Load<uint64_t>(first + kIdAt)),
                         .kind = static_cast<MessageKind>(first[kKindAt]),
                         .flags = static_cast<uint16_t>(Load<uint16_t>(first + kFlagsAt) & kCarriedFlags),
                         .remaining = RemainingFromWire(Load<uint32_t>(first + kRemainingAt))};
  }

  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    const ErrorFields fields = FieldsOf(error);
    MessageHeader reply = header;
    reply.kind = MessageKind::error;
    if (absl::Status status = WriteFixed(reply, kStatus, 0, to); !status.ok()) return status;
    const char code = static_cast<char>(fields.code);
    AppendLength(1 + kLengthBytes + fields.text.size() + fields.detail.size(), to);
    to.Append(absl::string_view(&code, 1));
    AppendSized(fields.text, to);
    to.Append(fields.detail);
    return to.status();
  }

  absl::Status DecodeError(const MessageHeader&, const Payload& payload) const override {
    if (absl::Status status = CheckFixed(payload); !status.ok()) return status;
    absl::Status error = Malformed("an error reply without a status");
    const auto read = [&error](uint16_t, absl::string_view section) -> absl::Status {
      if (section.size() < 1 + kLengthBytes) return Malformed("a status that is cut short");
      const size_t text = Load<uint16_t>(section.data() + 1);
      const absl::string_view rest = section.substr(1 + kLengthBytes);
      if (text > rest.size()) return Malformed("a status text that is cut short");
      error = StatusOf(static_cast<uint8_t>(section[0]), rest.substr(0, text), rest.substr(text));
      return absl::OkStatus();
    };
    absl::StatusOr<size_t> body = ReadSections(payload, kStatus, read);
    return body.ok() ? error : body.status();
  }

  absl::Status EncodeMessage(const MessageHeader& header, const Message& message, PayloadWriter& to) const override {
    uint16_t sections = 0;
    size_t metadata_bytes = 0;
    if (!message.command.empty()) {
      sections |= kCommand;
      if (absl::Status status = CheckSection("command", message.command.size()); !status.ok()) return status;
    }
    if (!message.metadata.empty()) {
      sections |= kMetadata;
      metadata_bytes = MetadataBytes(message.metadata);
      if (absl::Status status = CheckSection("metadata", metadata_bytes); !status.ok()) return status;
    }
    if (absl::Status status = WriteFixed(header, sections, message.method, to); !status.ok()) return status;
    if ((sections & kCommand) != 0) AppendSized(message.command, to);
    if ((sections & kMetadata) != 0) {
      AppendLength(metadata_bytes, to);
      for (const Metadata::Entry& entry : message.metadata.entries()) {
        AppendSized(entry.key, to);
        AppendSized(entry.value, to);
      }
    }
    AppendBody(message.body, to);
    return to.status();
  }

  absl::StatusOr<Message> DecodeMessage(const MessageHeader&, Payload&& payload) const override {
    if (absl::Status status = CheckFixed(payload); !status.ok()) return status;
    const auto method = static_cast<int64_t>(Load<uint64_t>(payload.front().data() + kMethodAt));
    if (payload.size() == 1 && payload.front().size() > kHeaderBytes && SectionsOf(payload) == 0) {  // the usual message
      return Plain(method, std::move(payload));
    }
    absl::StatusOr<Message> decoded(absl::in_place);
    decoded->method = method;
    const auto read = [&decoded](uint16_t bit, absl::string_view section) {
      if (bit == kMetadata) return ReadMetadata(section, decoded->metadata);
      decoded->command.assign(section.data(), section.size());
      return absl::OkStatus();
    };
    absl::StatusOr<size_t> body_at = ReadSections(payload, kCommand | kMetadata, read);
    if (!body_at.ok()) return body_at.status();
    TakeBody(std::move(payload), *body_at, decoded->body);
    return decoded;
  }

  MsgId IdOf(const Message&) const override { return {}; }
  Route RouteOf(const Message& message) const override { return message.route(); }

 private:
  // Apart, so that the message is made where it is returned.
  static absl::StatusOr<Message> Plain(int64_t method, Payload&& payload) {
    absl::StatusOr<Message> plain(absl::in_place);
    payload.front().RemovePrefix(kHeaderBytes);
    plain->method = method;
    plain->body = std::move(payload);
    return plain;
  }
  // Whether there is a fixed header, of the version that is known here.
  static absl::Status CheckFixed(const Payload& payload) {
    if (payload.empty() || payload.front().size() < kHeaderBytes) return Malformed("a payload of less than 24 bytes");
    const auto version = static_cast<uint8_t>(payload.front().data()[kVersionAt]);
    return version == kNativeVersion ? absl::OkStatus() : UnknownVersion(version);
  }
  static void FillFixed(const MessageHeader& header, uint16_t sections, int64_t method, char* first) {
    first[kVersionAt] = static_cast<char>(kNativeVersion);
    first[kKindAt] = static_cast<char>(header.kind);
    Store<uint16_t>(first + kFlagsAt, static_cast<uint16_t>((header.flags & kCarriedFlags) | sections));
    Store<uint64_t>(first + kIdAt, header.id.integer());
    Store<uint32_t>(first + kRemainingAt, RemainingToWire(header.remaining));
    Store<uint64_t>(first + kMethodAt, static_cast<uint64_t>(method));
  }
  static absl::Status WriteFixed(const MessageHeader& header, uint16_t sections, int64_t method, PayloadWriter& to) {
    if (header.id.is_bytes()) return IdIsNoInteger();
    const absl::Span<char> first = to.Reserve(kHeaderBytes);
    if (first.empty()) return NoRoom(to.status());
    FillFixed(header, sections, method, first.data());
    to.Commit(kHeaderBytes);
    return absl::OkStatus();
  }

  const CodecTraits traits_{
      .ids = IdPolicy::assigned, .kinds = kNativeKinds, .header_bytes = kHeaderBytes, .payload_alignment = 1};
};

}  // namespace

std::shared_ptr<const MessageCodec<Message>> NewCompactCodec() { return std::make_shared<CompactCodec>(); }

}  // namespace rain
