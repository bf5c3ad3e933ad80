#include "listenrain/bench/summary.h"

#include <gtest/gtest.h>

namespace rain::bench {
namespace {

TEST(Summary, HasTheMiddleValueOrTheMeanOfTheMiddleTwo) {
  const struct {
    std::vector<double> values;
    double least, median, most;
  } cases[] = {{{5}, 5, 5, 5}, {{4, 2}, 2, 3, 4}, {{9, 1, 2}, 1, 2, 9}, {{8, 1, 4, 2}, 1, 3, 8}};
  for (const auto& each : cases) {
    const Summary summary = Summary::Of(each.values);
    EXPECT_DOUBLE_EQ(summary.least, each.least);
    EXPECT_DOUBLE_EQ(summary.median, each.median);
    EXPECT_DOUBLE_EQ(summary.most, each.most);
  }
}

}  // namespace
}  // namespace rain::bench
