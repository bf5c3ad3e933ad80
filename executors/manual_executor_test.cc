#include "listenrain/executors/manual_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace rain {
namespace {

TEST(ManualExecutor, RunsNothingUntilTold) {
  ManualExecutor executor;
  int ran = 0;
  executor.Run([&ran] { ++ran; });
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(executor.size(), 1u);
  EXPECT_TRUE(executor.RunOne());
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(executor.RunOne());
}

TEST(ManualExecutor, RunOneRunsTheOldest) {
  ManualExecutor executor;
  std::vector<int> order;
  for (int i = 0; i < 200; ++i) executor.Run([&order, i] { order.push_back(i); });
  EXPECT_TRUE(executor.RunOne());
  EXPECT_THAT(order, testing::ElementsAre(0));
  EXPECT_TRUE(executor.RunOne());
  EXPECT_THAT(order, testing::ElementsAre(0, 1));
  EXPECT_EQ(executor.size(), 198u);
}

TEST(ManualExecutor, RunAllRunsWhatIsAddedMeanwhile) {
  ManualExecutor executor;
  int ran = 0;
  executor.Run([&] {
    ++ran;
    executor.Run([&ran] { ++ran; });
  });
  EXPECT_EQ(executor.RunAll(), 2u);
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(executor.RunAll(), 0u);
}

TEST(ManualExecutor, DropAllDestroysUnrunWhatWaits) {
  ManualExecutor executor;
  const auto alive = std::make_shared<int>();
  bool ran = false;
  for (int i = 0; i < 3; ++i) executor.Run([alive, &ran] { ran = true; });
  EXPECT_EQ(alive.use_count(), 4);
  EXPECT_EQ(executor.DropAll(), 3u);
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_FALSE(ran);
}

TEST(ManualExecutor, DropAllAlsoDropsWhatATasksEndPassesToRun) {
  ManualExecutor executor;
  bool ran = false;
  struct PassesWhenDestroyed {
    ~PassesWhenDestroyed() {
      executor.Run([&flag = ran] { flag = true; });
    }
    ManualExecutor& executor;
    bool& ran;
  };
  executor.Run([passes = std::unique_ptr<PassesWhenDestroyed>(new PassesWhenDestroyed{executor, ran})] {});
  EXPECT_EQ(executor.DropAll(), 2u);
  EXPECT_EQ(executor.size(), 0u);
  EXPECT_FALSE(ran);
}

TEST(ManualExecutor, TasksOfOneThreadKeepTheirOrderAmongThoseOfMany) {
  ManualExecutor executor;
  constexpr int kThreads = 4;
  std::vector<std::vector<int>> seen(kThreads);
  std::vector<std::thread> threads;
  for (size_t at = 0; at < kThreads; ++at) {
    threads.emplace_back([&executor, &mine = seen[at]] {
      for (int i = 0; i < 500; ++i) executor.Run([&mine, i] { mine.push_back(i); });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(executor.RunAll(), 2000u);
  for (const std::vector<int>& mine : seen) {
    ASSERT_EQ(mine.size(), 500u);
    for (int i = 0; i < 500; ++i) EXPECT_EQ(mine[static_cast<size_t>(i)], i);
  }
}

}  // namespace
}  // namespace rain
