#include "listenrain/framework/clock.h"

#include <chrono>

#ifdef RAIN_INTERLEAVED
#include "listenrain/framework/interleaved.h"
#endif

namespace rain {
namespace {

class MonotonicClock final : public Clock {
 public:
  Instant Now() const override {
#ifdef RAIN_INTERLEAVED
    if (Interleaver* mine = ThreadsInterleaver()) return {mine->Now(Place::Here()).time_since_epoch().count()};
#endif
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()};
  }
};

}  // namespace

Instant operator+(Instant from, absl::Duration by) {
  if (from.infinite() || by == absl::InfiniteDuration()) return Instant::Infinite();
  Instant sum;
  if (__builtin_add_overflow(from.nanoseconds, absl::ToInt64Nanoseconds(by), &sum.nanoseconds)) {
    return by > absl::ZeroDuration() ? Instant::Infinite() : Instant{std::numeric_limits<int64_t>::min()};
  }
  return sum;
}

absl::Duration operator-(Instant to, Instant from) {
  if (to.infinite()) return absl::InfiniteDuration();
  return absl::Nanoseconds(to.nanoseconds) - absl::Nanoseconds(from.nanoseconds);
}

const Clock& SystemClock() {
  static const auto& clock = *new MonotonicClock;  // never destroyed: threads may ask until the process ends
  return clock;
}

}  // namespace rain
