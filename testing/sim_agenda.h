// SimAgenda: what will happen in a simulated world, and when.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "listenrain/testing/manual_loop.h"

namespace rain {

// Events of one time happen in the order in which they were noted. Thread: one.
class SimAgenda {
 public:
  explicit SimAgenda(std::shared_ptr<ManualClock> clock) : clock_(std::move(clock)) {}

  Instant now() const { return clock_->Now(); }
  void At(Instant when, absl::AnyInvocable<void() &&> event) {
    events_.emplace(std::pair(when < now() ? now() : when, ++noted_), std::move(event));
  }
  void In(absl::Duration delay, absl::AnyInvocable<void() &&> event) { At(now() + delay, std::move(event)); }

  // When the next one is due; Infinite() if there is none.
  Instant next() const { return events_.empty() ? Instant::Infinite() : events_.begin()->first.first; }
  bool due() const { return next() <= now(); }
  // Lets the next one happen, which must be due.
  void RunNext() {
    auto event = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    std::move(event)();
  }
  void Clear() { events_.clear(); }

 private:
  const std::shared_ptr<ManualClock> clock_;
  uint64_t noted_ = 0;
  std::map<std::pair<Instant, uint64_t>, absl::AnyInvocable<void() &&>> events_;
};

}  // namespace rain
