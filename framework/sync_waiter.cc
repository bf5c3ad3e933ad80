#include "listenrain/framework/sync_waiter.h"

#include "listenrain/framework/loop.h"
#include "listenrain/framework/shard.h"

namespace rain {

absl::Status SyncWaiter::Submit(PostBox& box, Submission& submission, Encode encode) {
  submission.where = RunOn::loop;
  submission.waiter = this;
  shard_ = &box.shard();
  helm_ = shard_->helm();
  if (helm_ == nullptr) return box.Submit(submission, encode);
  absl::Status status;
  if (helm_->Take(caller_)) {
    // On the loop the request is written at once: nobody has to be woken, and it needs no node of the mailbox.
    bool submitted = false;
    shard_->loop().Drive([&] {
      if (!std::exchange(submitted, true)) {
        shard_->TakeMail();  // what this thread has sent before leaves before
        status = box.Submit(submission, encode);
      }
      return status.ok() && MayDriveOn();
    });
    Leave();
  } else {
    status = box.Submit(submission, encode);
    if (!status.ok()) Leave();
  }
  return status;
}

absl::StatusOr<Reply> SyncWaiter::Wait() {
  if (helm_ != nullptr) {
    if (helm_->Wait(caller_)) {
      shard_->loop().Drive([this] { return MayDriveOn(); });
      Leave();
    }
    helm_ = nullptr;
  }
  caller_.Await();
  return *std::move(outcome_);
}

// While it drives, others may begin to run user code on this loop.
bool SyncWaiter::MayDriveOn() const { return !caller_.told() && shard_->helm() != nullptr; }

void SyncWaiter::Leave() { std::exchange(helm_, nullptr)->Leave(caller_); }

}  // namespace rain
