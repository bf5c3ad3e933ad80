// Course: a run whose calls are made by other threads, as the thread that waits for its end sees it.
#pragma once

#include <atomic>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "listenrain/bench/meter.h"
#include "listenrain/framework/mutex.h"

namespace rain::bench {

// Thread: any, but for Await.
class Course {
 public:
  // The first counts. Calls are to be begun no more; those in flight are still waited for.
  void Fail(absl::Status why);
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  // No call is in flight any more, nor will be: Await returns, and whoever calls this may be gone.
  void Done();
  // Blocks until Done, takes the meter's samples when they are due, and calls `at_begin` as the measured time begins. The meter
  // has been started. Errors: what Fail was given.
  absl::Status Await(
      Meter& meter, absl::FunctionRef<void()> at_begin = [] {});

 private:
  // False if it is done before that.
  bool AwaitUntil(Instant when);

  std::atomic<bool> failed_{false};
  Mutex mutex_;
  CondVar changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain::bench
