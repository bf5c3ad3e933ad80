// Worlds full of calls and faults in which every promise is kept; and one seed is one history.
#include <gtest/gtest.h>

#include "listenrain/framework/log.h"
#include "listenrain/testing/scale.h"
#include "listenrain/testing/sim_workload.h"

namespace rain {
namespace {

// By a part of the seeds, so that several machines or processes can share them.
class Worlds : public testing::TestWithParam<int> {
 protected:
  Worlds() {
    SetLogSink([](Severity, absl::string_view, absl::string_view) {});  // what nodes log is of no interest here
  }
  ~Worlds() override { SetLogSink({}); }
};

TEST_P(Worlds, EveryPromiseIsKept) {
  const auto seeds = static_cast<uint64_t>(Scaled(250, 8, 2500));
  const uint64_t from = 1 + seeds * static_cast<uint64_t>(GetParam());
  uint64_t replied = 0;
  for (uint64_t seed = from; seed < from + seeds; ++seed) {
    const SimResult result = CarryOut(PlanOf(seed));
    ASSERT_EQ(result.failure, "") << "seed " << seed << ": see simulate --seeds=1 --from=" << seed;
    ASSERT_GE(result.calls, 1000u) << "seed " << seed;
    ASSERT_GE(result.faults, 20u) << "seed " << seed;
    replied += result.replied;
  }
  EXPECT_GE(replied, seeds * 200) << "in spite of all faults";
}
INSTANTIATE_TEST_SUITE_P(Parts, Worlds, testing::Range(0, 8));

TEST(World, OneSeedIsOneHistory) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const SimResult first = CarryOut(PlanOf(seed, 300, 10), true);
    const SimResult second = CarryOut(PlanOf(seed, 300, 10), true);
    ASSERT_EQ(first.lines, second.lines);
    EXPECT_EQ(first.hash, second.hash);
    EXPECT_NE(first.hash, CarryOut(PlanOf(seed + 100, 300, 10)).hash);
  }
}

}  // namespace
}  // namespace rain
