// How the calls of simulated plans are written on each wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "listenrain/codecs/capnp_codec.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/message.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/sim_plan.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {

// What a call says, on every wire: "method number xxxx".
struct SimCallText {
  int64_t method = -1;
  uint64_t number = UINT64_MAX;
};

// With so many bytes to pad it.
inline std::string WriteSimCall(const SimCallText& call, size_t bytes) {
  return absl::StrCat(call.method, " ", call.number, " ", std::string(bytes, 'x'));
}

// Of another text: -1 and UINT64_MAX.
inline SimCallText ReadSimCall(absl::string_view text) {
  SimCallText call;
  const size_t first = text.find(' ');
  if (first == absl::string_view::npos) return call;
  const size_t second = text.find(' ', first + 1);
  (void)absl::SimpleAtoi(text.substr(0, first), &call.method);
  (void)absl::SimpleAtoi(text.substr(first + 1, second - first - 1), &call.number);
  return call;
}

// Calls in the messages of a wire: its codec, and a call written and read.
template <class M>
struct SimWireOf;

template <>
struct SimWireOf<Message> {
  static std::shared_ptr<const MessageCodec<Message>> Codec(SimWire wire) {
    return wire == SimWire::compact ? NewCompactCodec() : NewCapnpCodec();
  }
  static Message Make(SimWire, const SimCallText& call, size_t bytes) {
    return Message::Text(call.method, WriteSimCall(call, bytes));
  }
  static SimCallText Read(const Message& message) { return ReadSimCall(message.text()); }
};

template <>
struct SimWireOf<UuidMessage> {
  static std::shared_ptr<const MessageCodec<UuidMessage>> Codec(SimWire wire) {
    return NewUuidCodec(wire == SimWire::uuid_binary ? UuidForm::binary : UuidForm::text);
  }
  // Either width: the other end is padded with zeros.
  static UuidMessage Make(SimWire wire, const SimCallText& call, size_t bytes) {
    const size_t width = wire == SimWire::uuid_binary ? 16 : 36;
    return {absl::StrCat(std::string(width - 12, '0'), absl::Dec(call.number, absl::kZeroPad12)), WriteSimCall(call, bytes)};
  }
  static SimCallText Read(const UuidMessage& message) { return ReadSimCall(message.text); }
};

template <>
struct SimWireOf<std::string> {
  static std::shared_ptr<const MessageCodec<std::string>> Codec(SimWire) { return NewLineCodec(); }
  static std::string Make(SimWire, const SimCallText& call, size_t bytes) { return WriteSimCall(call, bytes); }
  static SimCallText Read(const std::string& line) { return ReadSimCall(line); }
};

}  // namespace rain
