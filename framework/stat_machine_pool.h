// StatMachinePool: the requests of one transport that have no outcome yet, found by token and, once bound, by msgID.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "listenrain/framework/outgoing.h"

namespace rain {

// One per transport. Thread: loop. Requests are borrowed until popped. No method may throw.
class StatMachinePool {
 public:
  virtual ~StatMachinePool() = default;
  virtual void Add(Outgoing& request) = 0;
  // Gives a request that was added its id. Errors: ALREADY_EXISTS if another one in the pool has it.
  virtual absl::Status Bind(Outgoing& request, const MsgId& id) = 0;
  // The request, now out of the pool, or null: it has its outcome already, or never was.
  virtual Outgoing* Pop(Token token) = 0;
  virtual Outgoing* Pop(const MsgId& id) = 0;
  // The one added first, or null.
  virtual Outgoing* PopOldest() = 0;
  // Shows its requests, the one added first first, until `look` returns false. `look` does not call the pool.
  virtual void Visit(absl::FunctionRef<bool(const Outgoing&)> look) const = 0;
  virtual size_t size() const = 0;
};

// Ids that are the request's own token cost no table. `nodes` is borrowed.
std::unique_ptr<StatMachinePool> NewStatMachinePool(const OutgoingPool& nodes);

}  // namespace rain
