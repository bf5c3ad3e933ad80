// Observer: sees packets and calls pass. Taps, metrics and tracing attach here.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/message_header.h"

namespace rain {

// Where an event happened. Borrowed for the call.
struct ObservedTransport {
  absl::string_view protocol;
  absl::string_view key;
  Role role;
  const PeerInfo& peer;
};

// Null by default, and then costs nothing. Thread: loop; several loops at once. Must not block, nor call what it observes. What
// it throws is logged.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnPacketIn(const ObservedTransport&, const MessageHeader&, const Payload&) {}
  virtual void OnPacketOut(const ObservedTransport&, const MessageHeader&, const Payload&) {}
  virtual void OnCallBegin(const ObservedTransport&, const MessageHeader&) {}
  // OK for a reply.
  virtual void OnCallEnd(const ObservedTransport&, const MessageHeader&, const absl::Status&) {}
};

}  // namespace rain
