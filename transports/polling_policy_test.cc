#include "listenrain/transports/polling_policy.h"

#include "gtest/gtest.h"

namespace rain {
namespace {

TEST(PollingPolicy, PollsOnlyWhileItHasLatelyPaid) {
  PollingPolicy policy;
  EXPECT_FALSE(policy.ShouldPoll());
  policy.OnShortSleep();
  EXPECT_TRUE(policy.ShouldPoll());
  for (int i = 0; i < 1000; ++i) policy.OnPollingPaid();
  int in_vain = 0;
  for (; policy.ShouldPoll() && in_vain < 1000; ++in_vain) policy.OnPollingInVain();
  EXPECT_LT(in_vain, 100);
}

TEST(PollingPolicy, TriesLessAndLessOftenWhatIsInVain) {
  PollingPolicy policy;
  int tries = 0;
  for (int sleep = 0; sleep < 6400; ++sleep) {
    policy.OnShortSleep();
    if (!policy.ShouldPoll()) continue;
    ++tries;
    policy.OnPollingInVain();
  }
  EXPECT_GT(tries, 50) << "it goes on trying";
  EXPECT_LT(tries, 150);
}

TEST(PollingPolicy, LeavesACrowdedCoreAtOnce) {
  PollingPolicy policy;
  policy.OnShortSleep();
  for (int i = 0; i < 1000; ++i) policy.OnPollingPaid();
  policy.OnCrowded();
  EXPECT_FALSE(policy.ShouldPoll());
  policy.OnShortSleep();
  EXPECT_TRUE(policy.ShouldPoll()) << "and tries again";
}

}  // namespace
}  // namespace rain
