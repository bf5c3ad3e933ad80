#include "listenrain/codecs/native_fields.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/status.h"

namespace rain {

void AppendBody(const Payload& body, PayloadWriter& to) {
  for (const Buffer& piece : body) {
    if (piece.size() < kReferenceBytes) {
      to.Append(piece.view());
    } else {
      to.Append(piece.Share());
    }
  }
}

void TakeBody(Payload&& payload, size_t body_at, Payload& body) {
  RemovePrefix(payload, body_at);
  if (!payload.front().empty()) body = std::move(payload);
}

absl::string_view Utf8Prefix(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  // A sequence has at most three continuation bytes (10xxxxxx). More than that is no UTF-8, and is cut anywhere.
  size_t end = max_bytes;
  while (end > 0 && max_bytes - end < 3 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80 ? max_bytes : end);
}

ErrorFields FieldsOf(const absl::Status& error) {
  ErrorFields fields{.code = static_cast<uint8_t>(error.code()),
                     .text = Utf8Prefix(error.message(), kMaxErrorTextBytes),
                     .detail = DetailOf(error)};
  if (fields.detail.size() > kMaxErrorDetailBytes) fields.detail.clear();
  return fields;
}

absl::Status StatusOf(uint8_t code, absl::string_view text, absl::string_view detail) {
  if (code == 0) return absl::InvalidArgumentError("an error reply with the code OK: the peer's codec is broken");
  constexpr auto kLast = static_cast<uint8_t>(absl::StatusCode::kUnauthenticated);
  const auto known = code <= kLast ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
  return WithDetail(absl::Status(known, Utf8Prefix(text, kMaxErrorTextBytes)), detail);
}

absl::Status UnknownVersion(uint8_t version) {
  return absl::InvalidArgumentError(absl::StrCat("a message of version ", int{version}, ", where version ", int{kNativeVersion},
                                                 " is spoken: use the same message codec on both sides"));
}

absl::Status NoRoom(const absl::Status& writer) {
  return writer.ok() ? absl::ResourceExhaustedError("the payload writer gave no room") : writer;
}

absl::Status IdIsNoInteger() {
  return absl::InvalidArgumentError("this wire has 64-bit message ids, and the id is bytes: use a codec that carries such ids");
}

}  // namespace rain
