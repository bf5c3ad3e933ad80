// The compact codec in length-prefixed packets, byte for byte (codecs/WIRE.md), for peers that write them wrongly.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "listenrain/codecs/endian.h"
#include "listenrain/framework/message_header.h"
#include "listenrain/testing/faults/raw_peer_test.h"

namespace rain::wire {

inline std::string Length(uint32_t bytes) {
  std::string prefix(4, '\0');
  Store<uint32_t>(prefix.data(), bytes);
  return prefix;
}

inline std::string Packet(absl::string_view payload) {
  return absl::StrCat(Length(static_cast<uint32_t>(payload.size())), payload);
}

// A message's payload: version 1, kind, no sections, id, no deadline, method, body.
inline std::string Payload(MessageKind kind, uint64_t id, absl::string_view body = "", int64_t method = 0) {
  std::string header(24, '\0');
  header[0] = 1;
  header[1] = static_cast<char>(kind);
  Store<uint64_t>(header.data() + 4, id);
  Store<uint64_t>(header.data() + 16, static_cast<uint64_t>(method));
  return absl::StrCat(header, body);
}

inline std::string Message(MessageKind kind, uint64_t id, absl::string_view body = "", int64_t method = 0) {
  return Packet(Payload(kind, id, body, method));
}

// What came, or kind 0 if nothing (whole) did.
struct Received {
  MessageKind kind = MessageKind{};
  uint64_t id = 0;
  std::string body;                               // of what is no error
  absl::StatusCode code = absl::StatusCode::kOk;  // of an error
};

inline Received Read(RawPeer& peer) {
  const std::string prefix = peer.Read(4);
  if (prefix.size() < 4) return {};
  const std::string payload = peer.Read(Load<uint32_t>(prefix.data()));
  if (payload.size() < 24) return {};
  Received received;
  received.kind = static_cast<MessageKind>(payload[1]);
  received.id = Load<uint64_t>(payload.data() + 4);
  if (received.kind == MessageKind::error && payload.size() > 26) {
    received.code = static_cast<absl::StatusCode>(payload[26]);
  } else {
    received.body = payload.substr(24);
  }
  return received;
}

// True if the other side ends without another byte.
inline bool Ends(RawPeer& peer) { return peer.Read(1).empty(); }

}  // namespace rain::wire
