// SyncWaiter: a completion that a thread waits for, and decodes itself.
#pragma once

#include <utility>

#include "absl/status/statusor.h"
#include "listenrain/framework/completion.h"
#include "listenrain/framework/handover.h"

namespace rain {

// Lives on the waiting thread's stack. Thread: loop completes, the owner waits.
class SyncWaiter final : public Completion {
 public:
  void OnReply(Reply&& reply) override { outcome_.Put(std::move(reply)); }
  void OnFailure(const MsgId&, absl::Status why) override { outcome_.Put(std::move(why)); }
  // Blocks until the outcome is there: the engine's deadlines see to that.
  absl::StatusOr<Reply> Wait() { return outcome_.Take(); }

 private:
  Handover<absl::StatusOr<Reply>> outcome_;
};

}  // namespace rain
