// Worlds full of calls and faults in which every promise is kept; and one seed is one history.
#include "listenrain/testing/sim_workload.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "listenrain/framework/log.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

class SimWorkload : public testing::Test {
 protected:
  SimWorkload() {
    SetLogSink([](Severity, absl::string_view, absl::string_view) {});  // what nodes log is of no interest here
  }
  ~SimWorkload() override { SetLogSink({}); }
};

TEST_F(SimWorkload, EveryPromiseIsKept) {
  const auto seeds = static_cast<uint64_t>(Scaled(60, 10, 2000));
  uint64_t replied = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const SimResult result = CarryOut(PlanOf(seed));
    ASSERT_EQ(result.failure, "") << "seed " << seed << ": see simulate --seeds=1 --from=" << seed;
    replied += result.replied;
  }
  EXPECT_GE(replied, seeds * 200) << "of a thousand calls each, in spite of all faults";
}

TEST_F(SimWorkload, OneSeedIsOneHistory) {
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
