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

TEST(PollingPolicy, OffersTheCoreRarelyWhileNobodyTakesIt) {
  PollingPolicy policy;
  const auto offers = [&](bool taken) {
    int count = 0;
    for (int looks = 1; looks <= 1000; ++looks) {
      if (!policy.ShouldOfferCore(looks)) continue;
      ++count;
      policy.OnCoreOffered(taken);
    }
    return count;
  };
  EXPECT_GT(offers(true), 200);
  offers(false);
  EXPECT_LT(offers(false), 20);
  EXPECT_GT(offers(false), 5) << "still";
  offers(true);
  EXPECT_GT(offers(true), 200);
}

}  // namespace
}  // namespace rain
