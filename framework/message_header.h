// MessageHeader, Route, Role: what the engine knows of a message.
#pragma once

#include <cstdint>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "listenrain/framework/msg_id.h"

namespace rain {

// The numbers are the kind byte of the native wires (codecs/WIRE.md). hello, data, credit and end are reserved.
enum class MessageKind : uint8_t {
  request = 1,
  reply = 2,
  error = 3,
  one_way = 4,
  cancel = 5,
  ping = 6,
  pong = 7,
  go_away = 8,
  hello = 9,
  data = 10,
  credit = 11,
  end = 12,
};

// What ends a request: the answer, or that there is none.
constexpr bool IsReply(MessageKind kind) { return kind == MessageKind::reply || kind == MessageKind::error; }

// A bit per MessageKind.
using KindSet = uint32_t;
constexpr KindSet Bit(MessageKind kind) {
  return static_cast<int>(kind) < 32 ? KindSet{1} << static_cast<int>(kind) : 0;  // the wire can say any byte
}

struct MessageHeader {
  MsgId id;  // empty: not given yet, or the kind has none
  MessageKind kind = MessageKind::request;
  uint16_t flags = 0;                                   // the codec's own
  absl::Duration remaining = absl::InfiniteDuration();  // of the request's deadline, when it was encoded
};

// The flag bit of the native wires that makes a kind optional: a receiver that does not know the kind skips such a message and
// counts it; an unknown kind without it ends the channel. The other bits are the codec's own.
inline constexpr uint16_t kOptionalKindFlag = 0x8000;

// A method, a command, or neither: one handler for all.
using Route = std::variant<std::monostate, int64_t, absl::string_view>;

// Which side of a channel: the dialer asked for it, the acceptor was listening.
enum class Role : uint8_t { dialer, acceptor };

}  // namespace rain
