// How tasks begin from code that is no coroutine, and several at once.
#include "listenrain/framework/spawn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/coroutine_parts_test.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/sync_wait.h"
#include "listenrain/framework/when_all.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SyncWait, WaitsForTheEndOnAnotherThread) {
  const auto pool = NewThreadPool({.threads = 2});
  const auto body = [&pool]() -> Task<std::thread::id> {
    co_await Hop(*pool);
    co_return std::this_thread::get_id();
  };
  EXPECT_NE(*SyncWait(body()), std::this_thread::get_id());
}

TEST(SyncWait, TheFrameIsGoneWhenItReturns) {
  const auto pool = NewThreadPool({.threads = 2});
  const int rounds = static_cast<int>(Scaled(2000, 500, 20000));
  for (int round = 0; round < rounds; ++round) {
    int alive = 0;
    const auto body = [&pool](Alive) -> Task<absl::Status> {
      co_await Hop(*pool);
      co_return absl::OkStatus();
    };
    ASSERT_TRUE(SyncWait(body(Alive(alive))).ok());
    ASSERT_EQ(alive, 0);
  }
}

TEST(SyncWait, PassesStatusesThrough) {
  const auto status = []() -> Task<absl::Status> { co_return absl::NotFoundError("no such"); };
  const auto status_or = []() -> Task<absl::StatusOr<int>> { co_return absl::AbortedError("no"); };
  EXPECT_TRUE(absl::IsNotFound(SyncWait(status())));
  EXPECT_TRUE(absl::IsAborted(SyncWait(status_or()).status()));
}

TEST(SyncWait, IsRefusedToWhoeverHoldsABaton) {
  const ManualLoop loop;
  bool begun = false;
  const auto body = [&begun]() -> Task<int> {
    begun = true;
    co_return 1;
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(SyncWait(body()).status()));
  EXPECT_FALSE(begun);
}

TEST(Spawn, BeginsOnTheExecutor) {
  ManualExecutor executor;
  bool ended = false;
  const auto body = [&ended]() -> Task<> {
    ended = true;
    co_return;
  };
  Spawn(executor, body());
  EXPECT_FALSE(ended);
  EXPECT_EQ(executor.RunAll(), 1u);
  EXPECT_TRUE(ended);
}

TEST(Spawn, TellsTheEndOnceTheFrameIsGone) {
  ManualExecutor executor;
  Gate gate;
  int alive = 0;
  std::vector<absl::Status> told;
  const auto body = [&gate](Alive) -> Task<> { co_await gate.Pass(); };
  Spawn(executor, body(Alive(alive)), [&](absl::Status ended) {
    EXPECT_EQ(alive, 0);
    told.push_back(std::move(ended));
  });
  executor.RunAll();
  EXPECT_TRUE(told.empty());
  gate.Open();
  EXPECT_THAT(told, ElementsAre(absl::OkStatus()));
}

TEST(Spawn, TellsWhatTheTaskThrew) {
  const auto executor = NewInlineExecutor();
  absl::Status told;
  Spawn(*executor, Throwing("a plate"), [&](absl::Status ended) { told = std::move(ended); });
  EXPECT_TRUE(absl::IsInvalidArgument(told));
  EXPECT_THAT(std::string(told.message()), HasSubstr("a plate"));
}

TEST(Spawn, LogsWhatTheTaskThrewIfNobodyIsTold) {
  std::string logged;
  SetLogSink([&](Severity severity, absl::string_view, absl::string_view text) {
    EXPECT_EQ(severity, Severity::error);
    logged += std::string(text);
  });
  const auto executor = NewInlineExecutor();
  Spawn(*executor, Throwing("a cup"));
  SetLogSink(nullptr);
  EXPECT_THAT(logged, HasSubstr("a cup"));
}

TEST(Spawn, OnAnExecutorThatEndsBeforeIsCancelledAndTheFrameEnds) {
  int alive = 0;
  bool begun = false;
  absl::Status told;
  const auto body = [&begun](Alive) -> Task<> {
    begun = true;
    co_return;
  };
  {
    ManualExecutor executor;
    Spawn(executor, body(Alive(alive)));
    Spawn(executor, body(Alive(alive)), [&](absl::Status ended) { told = std::move(ended); });
    EXPECT_EQ(alive, 2);
  }
  EXPECT_TRUE(absl::IsCancelled(told));
  EXPECT_FALSE(begun);
  EXPECT_EQ(alive, 0);
}

TEST(WhenAll, GathersResultsOfDifferentTypesInOrder) {
  Gate gate;
  std::tuple<int, std::string, std::monostate> results;
  const auto body = [&]() -> Task<> { results = co_await WhenAll(Just(1), Joined("a", "b"), Through(gate)); };
  const auto executor = NewInlineExecutor();
  bool ended = false;
  Spawn(*executor, body(), [&](absl::Status status) { ended = status.ok(); });
  EXPECT_FALSE(ended);
  gate.Open();
  EXPECT_TRUE(ended);
  EXPECT_EQ(std::get<0>(results), 1);
  EXPECT_EQ(std::get<1>(results), "ab");
}

TEST(WhenAll, GathersAVectorWhateverTheOrderOfTheEnds) {
  Gate gates[3];
  const auto third = [&](int i) -> Task<int> {
    co_await gates[i].Pass();
    co_return i;
  };
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(third(i));
  std::vector<int> results;
  const auto body = [&](std::vector<Task<int>> all) -> Task<> { results = co_await WhenAll(std::move(all)); };
  const auto executor = NewInlineExecutor();
  Spawn(*executor, body(std::move(tasks)));
  for (const int i : {1, 2, 0}) {
    EXPECT_TRUE(results.empty());
    gates[i].Open();
  }
  EXPECT_THAT(results, ElementsAre(0, 1, 2));
}

TEST(WhenAll, OfNothingEndsAtOnce) { EXPECT_TRUE(SyncWait(WhenAll(std::vector<Task<int>>()))->empty()); }

TEST(WhenAll, ThrowsTheFirstInOrderOnceAllHaveEnded) {
  Gate gate;
  const auto late = [&gate]() -> Task<> {
    co_await gate.Pass();
    throw std::runtime_error("late, and first in order");
  };
  absl::Status told;
  const auto body = [&]() -> Task<> { co_await WhenAll(late(), Throwing("early")); };
  const auto executor = NewInlineExecutor();
  Spawn(*executor, body(), [&](absl::Status ended) { told = std::move(ended); });
  EXPECT_TRUE(told.ok());
  gate.Open();
  EXPECT_THAT(std::string(told.message()), HasSubstr("first in order"));
}

// Which of the threads ends last, and so goes on, is chance.
TEST(WhenAll, TasksMayEndOnManyThreads) {
  const auto pool = NewThreadPool({.threads = 4});
  const auto hopping = [&pool](int value) -> Task<int> {
    co_await Hop(*pool);
    co_return value;
  };
  const int rounds = static_cast<int>(Scaled(2000, 300, 20000));
  for (int round = 0; round < rounds; ++round) {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 8; ++i) tasks.push_back(hopping(i));
    ASSERT_THAT(*SyncWait(WhenAll(std::move(tasks))), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  }
}

}  // namespace
}  // namespace rain
