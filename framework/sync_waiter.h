// SyncWaiter: a completion that a thread waits for, and decodes itself.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "listenrain/framework/completion.h"
#include "listenrain/framework/mutex.h"

namespace rain {

// Lives on the waiting thread's stack. Thread: loop completes, the owner waits.
class SyncWaiter final : public Completion {
 public:
  void OnReply(Reply&& reply) override;
  void OnFailure(const MsgId& id, absl::Status why) override;
  // Blocks until the outcome is there: the engine's deadlines see to that.
  absl::StatusOr<Reply> Wait();

 private:
  void Finish(absl::StatusOr<Reply> outcome);

  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::StatusOr<Reply>> outcome_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
