#include "listenrain/framework/sync_waiter.h"

#include "listenrain/framework/loop.h"
#include "listenrain/framework/shard.h"

namespace rain {

absl::Status SyncWaiter::Submit(PostBox& box, Submission& submission, Encode encode) {
  submission.where = RunOn::loop;
  submission.waiter = this;
  shard_ = &box.shard();
  // Its time begins here, though the loop may be busy for a while.
  submission.begun = shard_->loop().clock().Now();
  submission.deadline = submission.begun + submission.header.remaining;
  helm_ = shard_->helm();
  absl::Status status;
  if (helm_ == nullptr) {
    status = box.Submit(submission, encode);
  } else if (helm_->Take(caller_)) {
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
