#include "listenrain/framework/sync_waiter.h"

#include <utility>

namespace rain {

void SyncWaiter::OnReply(Reply&& reply) { Finish(std::move(reply)); }

void SyncWaiter::OnFailure(const MsgId&, absl::Status why) { Finish(std::move(why)); }

// Signals under the lock: the waiter may be gone as soon as it is released.
void SyncWaiter::Finish(absl::StatusOr<Reply> outcome) {
  MutexLock lock(mutex_);
  outcome_ = std::move(outcome);
  changed_.SignalOne();
}

absl::StatusOr<Reply> SyncWaiter::Wait() {
  MutexLock lock(mutex_);
  while (!outcome_.has_value()) changed_.Wait(mutex_);
  return *std::move(outcome_);
}

}  // namespace rain
