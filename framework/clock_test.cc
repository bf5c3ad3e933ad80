#include "listenrain/framework/clock.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdint>
#include <limits>

namespace rain {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

TEST(Instant, AddsAndSubtractsDurations) {
  const Instant start{1'000};
  EXPECT_EQ(start + absl::Microseconds(2), Instant{3'000});
  EXPECT_EQ(start + absl::Nanoseconds(-1), Instant{999});
  EXPECT_EQ(Instant{3'000} - start, absl::Microseconds(2));
  EXPECT_EQ(start - Instant{3'000}, absl::Microseconds(-2));
  EXPECT_LT(start, start + absl::Nanoseconds(1));
}

TEST(Instant, SumsSaturate) {
  EXPECT_TRUE((Instant{kMost - 1} + absl::Nanoseconds(2)).infinite());
  EXPECT_TRUE((Instant{1} + absl::Hours(24 * 365 * 1000)).infinite());
  EXPECT_TRUE((Instant{-5} + absl::InfiniteDuration()).infinite());
  EXPECT_EQ(Instant{kLeast + 1} + absl::Nanoseconds(-2), Instant{kLeast});
}

TEST(Instant, InfiniteStaysInfinite) {
  EXPECT_TRUE(Instant::Infinite().infinite());
  EXPECT_TRUE((Instant::Infinite() + absl::Seconds(-1)).infinite());
  EXPECT_EQ(Instant::Infinite() - Instant{5}, absl::InfiniteDuration());
  EXPECT_GT(Instant::Infinite(), Instant{kMost - 1});
}

TEST(SystemClock, IsTheSystemsMonotonicClock) {
  const auto system = [] {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return Instant{now.tv_sec * 1'000'000'000 + now.tv_nsec};
  };
  const Instant before = system();
  const Instant now = SystemClock().Now();
  const Instant after = system();
  EXPECT_LE(before, now);
  EXPECT_LE(now, after);
}

}  // namespace
}  // namespace rain
