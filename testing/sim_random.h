// SimRandom: chance that a seed decides, the same with every compiler and standard library.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "absl/time/time.h"

namespace rain {

// A value. Thread: one at a time.
class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed) {}

  // SplitMix64 (Steele, Lea, Flood 2014).
  uint64_t Next() {
    uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  // Less than `bound`, which is at least 1.
  uint64_t Below(uint64_t bound) {
    assert(bound > 0);
    return Next() % bound;
  }
  // Both included.
  uint64_t Between(uint64_t least, uint64_t most) { return least + Below(most - least + 1); }
  bool OneIn(uint64_t cases) { return Below(cases) == 0; }
  // Small numbers are as likely as large ones are: every doubling has the same chance. Both included; `least` at least 1.
  uint64_t LogBetween(uint64_t least, uint64_t most) {
    uint64_t doublings = 0;
    while (least << (doublings + 1) <= most) ++doublings;
    const uint64_t from = least << Below(doublings + 1);
    return Between(from, from * 2 - 1 < most ? from * 2 - 1 : most);
  }
  // The same, in milliseconds.
  absl::Duration LogMilliseconds(uint64_t least, uint64_t most) {
    return absl::Milliseconds(static_cast<int64_t>(LogBetween(least, most)));
  }
  // From zero on, and less than `bound`, in whole nanoseconds.
  absl::Duration Below(absl::Duration bound) {
    const int64_t nanoseconds = absl::ToInt64Nanoseconds(bound);
    return nanoseconds <= 0 ? absl::ZeroDuration()
                            : absl::Nanoseconds(static_cast<int64_t>(Below(static_cast<uint64_t>(nanoseconds))));
  }
  template <class Container>
  auto& OneOf(Container& container) {
    return container[static_cast<size_t>(Below(std::size(container)))];
  }
  // Another stream, which goes on by itself.
  SimRandom Fork() { return SimRandom(Next()); }

 private:
  uint64_t state_;
};

}  // namespace rain
