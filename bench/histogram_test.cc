#include "listenrain/bench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace rain::bench {
namespace {

TEST(Histogram, IsZeroWhenEmpty) {
  Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Quantile(0.5), 0u);
  EXPECT_EQ(histogram.max(), 0u);
}

TEST(Histogram, KeepsSmallValuesExactly) {
  for (uint64_t value = 0; value < Histogram::kExactBelow; ++value) {
    Histogram histogram;
    histogram.Record(value);
    histogram.Record(std::numeric_limits<uint64_t>::max());
    EXPECT_EQ(histogram.Quantile(0.5), value);
  }
}

TEST(Histogram, TellsEveryMagnitudeToBetterThanOnePercent) {
  for (int bit = 8; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    for (uint64_t value : {power - 1, power, power + 1, power + power / 3, power + (power - 1)}) {
      Histogram histogram;
      histogram.Record(value);
      histogram.Record(std::numeric_limits<uint64_t>::max());
      const uint64_t told = histogram.Quantile(0.5);
      EXPECT_GE(told, value);
      EXPECT_LE(told - value, value / 128) << "value " << value;
    }
  }
}

TEST(Histogram, NeverTellsMoreThanTheLargestValue) {
  Histogram histogram;
  histogram.Record(1'000'001);
  EXPECT_EQ(histogram.Quantile(1), 1'000'001u);
  EXPECT_EQ(histogram.Quantile(0), 1'000'001u);
  EXPECT_EQ(histogram.max(), 1'000'001u);
}

TEST(Histogram, AgreesWithSortedValues) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(10, 2);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<uint64_t>(latency(random)));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (double fraction : {0.001, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(values.size())));
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto told = static_cast<double>(histogram.Quantile(fraction));
    EXPECT_GE(told, exact) << fraction;
    EXPECT_LE(told, exact * 1.01) << fraction;
  }
}

TEST(Histogram, MergesToWhatOneWouldHaveSeen) {
  Histogram one, first, second;
  for (uint64_t value = 1; value < 1'000'000; value = value * 3 / 2 + 1) {
    one.Record(value, value % 5);
    (value % 2 == 0 ? first : second).Record(value, value % 5);
  }
  first.Merge(second);
  EXPECT_EQ(first.count(), one.count());
  EXPECT_EQ(first.max(), one.max());
  for (double fraction : {0.1, 0.5, 0.9, 0.99}) EXPECT_EQ(first.Quantile(fraction), one.Quantile(fraction));
}

}  // namespace
}  // namespace rain::bench
