#include "listenrain/framework/sync_waiter.h"

#include "listenrain/framework/loop.h"
#include "listenrain/framework/shard.h"

namespace rain {

absl::Status SyncWaiter::Submit(PostBox& box, Submission& submission, Encode encode) {
  submission.where = RunOn::loop;
  submission.waiter = this;
  absl::Status status;
  helm_ = box.shard().helm();
  if (helm_ == nullptr) return box.Submit(submission, encode);
  loop_ = &box.shard().loop();
  if (helm_->Take(caller_)) {
    // On the loop the request is written at once: nobody has to be woken, and it needs no node of the mailbox.
    bool submitted = false;
    loop_->Drive([&] {
      if (!std::exchange(submitted, true)) status = box.Submit(submission, encode);
      return status.ok() && !caller_.told();
    });
    Leave();
  } else {
    status = box.Submit(submission, encode);
    if (!status.ok()) Leave();
  }
  return status;
}

absl::StatusOr<Reply> SyncWaiter::Wait() {
  if (helm_ == nullptr) {
    caller_.Await();
  } else if (helm_->Wait(caller_)) {
    loop_->Drive([this] { return !caller_.told(); });
    Leave();
  }
  return *std::move(outcome_);
}

void SyncWaiter::Leave() { std::exchange(helm_, nullptr)->Leave(caller_); }

}  // namespace rain
