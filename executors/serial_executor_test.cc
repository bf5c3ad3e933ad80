#include "listenrain/executors/serial_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/executors/thread_pool.h"

namespace rain {
namespace {

TEST(SerialExecutor, RefusesAnInlineExecutor) {
  EXPECT_EQ(NewSerialExecutor(NewInlineExecutor()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SerialExecutor, NeedsNoLockInItsTasks) {
  auto pool = NewThreadPool({.threads = 4});
  std::vector<int> seen;  // written by tasks only, on four threads
  {
    const auto serial = NewSerialExecutor(pool).value();
    for (int i = 0; i < 2000; ++i) serial->Run([&seen, i] { seen.push_back(i); });
  }
  pool.reset();
  ASSERT_EQ(seen.size(), 2000u);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(seen[static_cast<size_t>(i)], i);
}

TEST(SerialExecutor, TwoOverOnePoolRunBesideEachOther) {
  const auto pool = NewThreadPool({.threads = 2});
  const auto one = NewSerialExecutor(pool).value();
  const auto other = NewSerialExecutor(pool).value();
  std::promise<void> from_one, from_other;
  std::promise<void> done;
  one->Run([&] {
    from_one.set_value();
    from_other.get_future().wait();
    done.set_value();
  });
  other->Run([&] {
    from_one.get_future().wait();
    from_other.set_value();
  });
  done.get_future().wait();
}

// The thread that runs one lane's task leaves the others to the other lanes.
TEST(SerialExecutor, TasksOfTwoTakeTurns) {
  const auto manual = std::make_shared<ManualExecutor>();
  const auto one = NewSerialExecutor(manual).value();
  const auto other = NewSerialExecutor(manual).value();
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) {
    one->Run([&order, i] { order.push_back(i); });
    other->Run([&order, i] { order.push_back(10 + i); });
  }
  manual->RunAll();
  EXPECT_THAT(order, testing::ElementsAre(0, 10, 1, 11, 2, 12));
}

TEST(SerialExecutor, LeavesWhatWaitsToTheExecutorUnderIt) {
  const auto manual = std::make_shared<ManualExecutor>();
  int ran = 0;
  {
    const auto serial = NewSerialExecutor(manual).value();
    for (int i = 0; i < 3; ++i) serial->Run([&ran] { ++ran; });
  }
  EXPECT_EQ(manual->RunAll(), 3u);
  EXPECT_EQ(ran, 3);
}

TEST(SerialExecutor, WhatTheExecutorUnderItDropsIsDestroyedUnrun) {
  const auto manual = std::make_shared<ManualExecutor>();
  const auto serial = NewSerialExecutor(manual).value();
  const auto alive = std::make_shared<int>();
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) serial->Run([&order, alive, i] { order.push_back(i); });
  EXPECT_TRUE(manual->RunOne());
  EXPECT_EQ(manual->DropAll(), 2u);
  EXPECT_EQ(alive.use_count(), 1);
  serial->Run([&order] { order.push_back(3); });
  manual->RunAll();
  EXPECT_THAT(order, testing::ElementsAre(0, 3));
}

}  // namespace
}  // namespace rain
