// Completion: how the engine tells a request's outcome to the typed edge.
#pragma once

#include "absl/status/status.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/message_header.h"

namespace rain {

// What came back for a request.
struct Reply {
  MessageHeader header;
  Payload payload;  // the whole packet's payload, header bytes included
};

// Where a completion is called: on the loop (a waiter, which decodes on its own thread), or on the protocol's executor.
enum class RunOn { loop, executor };

// Made by the typed edge, one per request. Exactly one of the two is called, once.
class Completion {
 public:
  virtual ~Completion() = default;
  // A reply, or the peer's error reply (header.kind tells).
  virtual void OnReply(Reply&& reply) = 0;
  // No reply: DEADLINE_EXCEEDED, CANCELLED, UNAVAILABLE, … `id` is empty if none was given yet.
  virtual void OnFailure(const MsgId& id, absl::Status why) = 0;
};

}  // namespace rain
