// SyncWaiter: a completion that a thread waits for, and decodes itself. Where it may, the thread drives the loop meanwhile.
#pragma once

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/completion.h"
#include "listenrain/framework/helm.h"
#include "listenrain/framework/post_box.h"

namespace rain {

class Shard;

// Lives on the waiting thread's stack, for one request. Thread: loop completes; the owner, which holds no baton, does the rest.
class SyncWaiter final : public Completion {
 public:
  ~SyncWaiter() override {
    if (helm_ != nullptr) Leave();
  }

  // As PostBox::Submit, with this as the one who waits. After OK the outcome follows from Wait.
  absl::Status Submit(PostBox& box, Submission& submission, Encode encode);
  // Blocks until the outcome is there: the engine's deadlines see to that.
  absl::StatusOr<Reply> Wait();

  void OnReply(Reply&& reply) override { Tell(std::move(reply)); }
  void OnFailure(const MsgId&, absl::Status why) override { Tell(std::move(why)); }

 private:
  void Tell(absl::StatusOr<Reply> outcome) {
    outcome_.emplace(std::move(outcome));
    caller_.Tell();  // this may be gone now
  }
  bool MayDriveOn() const;
  void Leave();

  std::optional<absl::StatusOr<Reply>> outcome_;  // belongs to the loop until the caller is told
  Helm::Caller caller_;
  Shard* shard_ = nullptr;  // the request's, once submitted
  Helm* helm_ = nullptr;    // while this is among its callers
};

}  // namespace rain
