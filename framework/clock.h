// Instant and Clock: monotonic time, always injected, so that tests and simulations can own it.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace rain {

// Nanoseconds since the clock's own epoch. Not wall time.
struct Instant {
  int64_t nanoseconds = 0;

  static constexpr Instant Infinite() { return {std::numeric_limits<int64_t>::max()}; }
  bool infinite() const { return nanoseconds == std::numeric_limits<int64_t>::max(); }
  friend constexpr auto operator<=>(Instant, Instant) = default;
};

// Saturates at Infinite(); an infinite duration gives Infinite().
Instant operator+(Instant from, absl::Duration by);
// Infinite() minus anything finite is an infinite duration.
absl::Duration operator-(Instant to, Instant from);

// Thread: any.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;
};

// CLOCK_MONOTONIC.
const Clock& SystemClock();

}  // namespace rain
