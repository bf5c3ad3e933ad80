// StatMachine: the object that a request's outcome is told to.
#pragma once

#include "absl/status/status.h"
#include "listenrain/framework/msg_id.h"

namespace rain {

// Exactly one of the three is called, once, for each Send that returned OK; the object is borrowed until then. Thread: executor.
// What they throw is logged.
template <class M>
class StatMachine {
 public:
  virtual ~StatMachine() = default;
  virtual void Process(const MsgId& id, M reply) = 0;
  // The deadline came first. `id` is empty if the request had none yet.
  virtual void Timeout(const MsgId& id) = 0;
  // UNAVAILABLE, CANCELLED, RESOURCE_EXHAUSTED, the peer's error reply, or INVALID_ARGUMENT for a reply that cannot be decoded.
  virtual void Fail(const MsgId& id, absl::Status why) = 0;
};

}  // namespace rain
