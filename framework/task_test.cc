#include "listenrain/framework/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/begun_test.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/framework/sync_wait.h"
#include "listenrain/framework/when_all.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Counts how many of it are alive.
class Alive {
 public:
  explicit Alive(int& count) : count_(&count) { ++*count_; }
  Alive(const Alive& other) : Alive(*other.count_) {}
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count_; }

 private:
  int* count_;
};

// Suspends whoever passes it until the test opens it.
class Gate {
 public:
  class Passing {
   public:
    explicit Passing(Gate& gate) : gate_(gate) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept { gate_.waiting_ = coroutine; }
    void await_resume() const noexcept {}

   private:
    Gate& gate_;
  };
  Passing Pass() { return Passing(*this); }
  void Open() { std::exchange(waiting_, nullptr).resume(); }
  bool waited_for() const { return static_cast<bool>(waiting_); }

 private:
  std::coroutine_handle<> waiting_;
};

// Goes on as another task of an executor.
class Hop {
 public:
  explicit Hop(Executor& to) : to_(to) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    to_.Run([coroutine] { coroutine.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  Executor& to_;
};

Task<int> Just(int value) { co_return value; }
Task<std::string> Joined(std::string left, const std::string& right) { co_return left + right; }
Task<> Throwing(const char* text) {
  throw std::runtime_error(text);
  co_return;
}
Task<> Through(Gate& gate) { co_await gate.Pass(); }

TEST(Task, IsLazy) {
  bool begun = false;
  const auto body = [&]() -> Task<> {
    begun = true;
    co_return;
  };
  Task<> task = body();
  EXPECT_FALSE(begun);
  EXPECT_TRUE(SyncWait(std::move(task)).ok());
  EXPECT_TRUE(begun);
}

TEST(Task, GivesItsResultToItsAwaiter) {
  const auto sum = []() -> Task<int> { co_return co_await Just(1) + co_await Just(2); };
  EXPECT_EQ(*SyncWait(sum()), 3);
}

TEST(Task, MovesResultsThatCannotBeCopied) {
  const auto give = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const auto pass = [&]() -> Task<std::unique_ptr<int>> {
    auto got = co_await give();
    co_return got;
  };
  EXPECT_EQ(**SyncWait(pass()), 7);
}

// Long strings: a temporary that were destroyed twice, or too early, would not go unseen under AddressSanitizer.
TEST(Task, TemporariesLiveUntilTheAwaitingExpressionEnds) {
  const std::string many(100, 'm');
  Gate gate;
  const auto join = [&gate](std::string left, const std::string& right) -> Task<std::string> {
    co_await gate.Pass();
    co_return left + right;
  };
  std::string joined;
  const auto body = [&]() -> Task<> {
    joined = co_await join(many + "1", many + "2") + co_await Joined(many + "3", many + "4");
    const size_t length = many.size();
    if ((co_await Joined(many + "5", many)).size() != 2 * length + 1) joined.clear();
    for (int i = 0; i < 3; ++i) joined += co_await Joined(std::to_string(i), std::string("."));
  };
  const auto executor = NewInlineExecutor();
  Spawn(*executor, body());
  gate.Open();
  EXPECT_EQ(joined, many + "1" + many + "2" + many + "3" + many + "40.1.2.");
}

TEST(Task, ParametersAndLocalsEndOnceWithTheFrame) {
  int alive = 0;
  Gate gate;
  const auto body = [&gate](Alive, std::vector<Alive> more) -> Task<size_t> {
    const Alive local = more.front();
    co_await gate.Pass();
    co_return more.size();
  };
  size_t size = 0;
  const auto outer = [&]() -> Task<> { size = co_await body(Alive(alive), std::vector<Alive>(3, Alive(alive))); };
  const auto executor = NewInlineExecutor();
  Spawn(*executor, outer());
  EXPECT_GE(alive, 5);
  gate.Open();
  EXPECT_EQ(size, 3u);
  EXPECT_EQ(alive, 0);
}

TEST(Task, DestroyedBeforeItBeganRunsNothingAndEndsItsParameters) {
  int alive = 0;
  bool begun = false;
  const auto body = [&begun](Alive) -> Task<> {
    begun = true;
    co_return;
  };
  {
    const Task<> task = body(Alive(alive));
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(begun);
}

TEST(Task, DestroyedWhileSuspendedEndsEverythingItAwaits) {
  int alive = 0;
  Gate gate;
  const auto inner = [&gate](Alive) -> Task<> { co_await gate.Pass(); };
  const auto middle = [&](Alive) -> Task<> { co_await inner(Alive(alive)); };
  const auto outer = [&](Alive) -> Task<> { co_await WhenAll(Throwing("ended before"), middle(Alive(alive))); };
  {
    const Begun begun(outer(Alive(alive)));
    EXPECT_TRUE(gate.waited_for());
    EXPECT_GE(alive, 3);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Task, AssignmentEndsTheFormerTask) {
  int former = 0;
  int latter = 0;
  const auto body = [](Alive) -> Task<> { co_return; };
  Task<> task = body(Alive(former));
  task = body(Alive(latter));
  EXPECT_EQ(former, 0);
  EXPECT_EQ(latter, 1);
}

TEST(Task, ThrowsToItsAwaiter) {
  std::string caught;
  const auto body = [&]() -> Task<int> {
    try {
      co_await Throwing("the cat is out");
    } catch (const std::runtime_error& thrown) {
      caught = thrown.what();
    }
    co_return 5;
  };
  EXPECT_EQ(*SyncWait(body()), 5);
  EXPECT_EQ(caught, "the cat is out");
}

TEST(Task, ThrowsThroughTasksAndEndsTheirFrames) {
  int alive = 0;
  const auto middle = [](Alive) -> Task<int> {
    co_await Throwing("from within");
    co_return 1;
  };
  const auto outer = [&]() -> Task<int> { co_return co_await middle(Alive(alive)) + 1; };
  const absl::Status status = SyncWait(outer()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("from within"));
  EXPECT_EQ(alive, 0);
}

// Without tail calls, which gcc leaves out under sanitizers, each would be one frame of the stack deeper.
TEST(Task, ALoopOfAwaitedTasksNeedsNoMoreStackThanOne) {
  const int times = static_cast<int>(Scaled(1'000'000, 1'000, 10'000'000));
  const auto body = [times]() -> Task<int64_t> {
    int64_t sum = 0;
    for (int i = 0; i < times; ++i) sum += co_await Just(i);
    co_return sum;
  };
  EXPECT_EQ(*SyncWait(body()), int64_t{times} * (times - 1) / 2);
}

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

TEST(FramePool, GivesBackWhatWasFreedOnThisThreadAndNothingTwice) {
  if (void* once = AllocateFrame(200); true) {
    std::memset(once, 1, 200);
    FreeFrame(once, 200);
  }
  std::vector<void*> frames;
  for (size_t size : {1, 127, 128, 129, 200, 256, 4096, 4097, 100'000}) {
    for (int i = 0; i < 3; ++i) {
      frames.push_back(AllocateFrame(size));
      std::memset(frames.back(), i, size);
    }
    for (void* frame : frames) FreeFrame(frame, size);
    std::sort(frames.begin(), frames.end());
    EXPECT_EQ(std::adjacent_find(frames.begin(), frames.end()), frames.end());
    frames.clear();
  }
}

// More than a thread keeps.
TEST(FramePool, FramesMayEndOnAnotherThread) {
  std::vector<void*> frames;
  for (int i = 0; i < 2000; ++i) frames.push_back(AllocateFrame(1000));
  std::thread([&frames] {
    for (void* frame : frames) FreeFrame(frame, 1000);
  }).join();
}

}  // namespace
}  // namespace rain
