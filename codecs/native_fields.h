// What the native message codecs have in common: the first four bytes, the remaining time, and how a status is cut to fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "listenrain/codecs/endian.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/message_header.h"
#include "listenrain/framework/payload_writer.h"

namespace rain {

inline constexpr uint8_t kNativeVersion = 1;
inline constexpr size_t kMaxErrorTextBytes = 1 << 10;
inline constexpr size_t kMaxErrorDetailBytes = 16 << 10;

// The part of MessageHeader::flags that travels: kOptionalKindFlag, and seven bits of the application's. The other bits on the
// wire are the codec's, and never seen outside it.
inline constexpr uint16_t kCarriedFlags = 0xff00;

inline constexpr KindSet kNativeKinds = Bit(MessageKind::request) | Bit(MessageKind::reply) | Bit(MessageKind::error) |
                                        Bit(MessageKind::one_way) | Bit(MessageKind::cancel) | Bit(MessageKind::ping) |
                                        Bit(MessageKind::pong) | Bit(MessageKind::go_away);

// Kinds whose messages are the header alone: WriteHeader writes all of it. Of the others it patches id and remaining time.
constexpr bool IsHeaderAlone(MessageKind kind) {
  return kind == MessageKind::cancel || kind == MessageKind::ping || kind == MessageKind::pong || kind == MessageKind::go_away;
}

// Remaining time on the wire: whole microseconds, rounded up, at least 1. 0 means no deadline, or one that is more than
// 71 minutes away: the caller's own timer and its cancel then end the request.
inline uint32_t RemainingToWire(absl::Duration remaining) {
  if (remaining == absl::InfiniteDuration()) return 0;        // every reply's
  const int64_t nanos = absl::ToInt64Nanoseconds(remaining);  // saturates
  if (nanos > int64_t{UINT32_MAX} * 1000) return 0;
  return nanos < 1 ? 1 : static_cast<uint32_t>((nanos + 999) / 1000);
}
inline absl::Duration RemainingFromWire(uint32_t micros) {
  return micros == 0 ? absl::InfiniteDuration() : absl::Microseconds(micros);
}

// 0 is no id.
inline MsgId IdFromWire(uint64_t id) { return id == 0 ? MsgId() : MsgId(id); }

// Shares large pieces, copies small ones.
void AppendBody(const Payload& body, PayloadWriter& to);
// What is left of the payload from `body_at` on. An empty body keeps no block.
void TakeBody(Payload&& payload, size_t body_at, Payload& body);

// The longest beginning of at most `max_bytes` that does not cut a UTF-8 sequence in two.
absl::string_view Utf8Prefix(absl::string_view text, size_t max_bytes);

// The parts of a status that an error reply carries; the text is borrowed from the status. A detail of more than
// kMaxErrorDetailBytes is left out: half a machine-readable detail is none.
struct ErrorFields {
  uint8_t code = 0;
  absl::string_view text;
  std::string detail;
};
ErrorFields FieldsOf(const absl::Status& error);
// Never OK: a code of 0 is INVALID_ARGUMENT, one that is unknown here UNKNOWN.
absl::Status StatusOf(uint8_t code, absl::string_view text, absl::string_view detail);

// The errors that both codecs report alike.
absl::Status UnknownVersion(uint8_t version);
absl::Status NoRoom(const absl::Status& writer);
absl::Status IdIsNoInteger();

}  // namespace rain
