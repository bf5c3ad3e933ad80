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

absl::Status Course::Await(Meter& meter, absl::FunctionRef<void()> at_begin) {
  const bool began = AwaitUntil(meter.begin());
  meter.Sample(SystemClock().Now());
  if (began) at_begin();
  AwaitUntil(meter.end());
  meter.Sample(SystemClock().Now());
  MutexLock lock(mutex_);
  while (!done_) changed_.Wait(mutex_);
  return std::move(failure_);
}

bool Course::AwaitUntil(Instant when) {
  const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(when.nanoseconds)};
  MutexLock lock(mutex_);
  while (!done_ && SystemClock().Now() < when) changed_.WaitUntil(mutex_, deadline);
  return !done_;
}

}  // namespace rain::bench
