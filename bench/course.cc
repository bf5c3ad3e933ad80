#include "listenrain/bench/course.h"

#include <chrono>
#include <utility>

#include "listenrain/framework/clock.h"

namespace rain::bench {

void Course::Fail(absl::Status why) {
  MutexLock lock(mutex_);
  if (failed_.exchange(true)) return;
  failure_ = std::move(why);
}

void Course::Done() {
  MutexLock lock(mutex_);
  done_ = true;
  changed_.SignalAll();
}

absl::Status Course::Await(Meter& meter) {
  MutexLock lock(mutex_);
  for (const Instant due : {meter.begin(), meter.end()}) {
    AwaitUntil(due);
    meter.Sample(SystemClock().Now());
  }
  while (!done_) changed_.Wait(mutex_);
  return std::move(failure_);
}

void Course::AwaitUntil(Instant when) {
  const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(when.nanoseconds)};
  while (!done_ && SystemClock().Now() < when) changed_.WaitUntil(mutex_, deadline);
}

}  // namespace rain::bench
