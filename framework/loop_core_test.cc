#include "listenrain/framework/loop_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/framework/callback_task_test.h"
#include "listenrain/framework/callback_timer_test.h"
#include "listenrain/framework/log.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TestClock final : public Clock {
 public:
  Instant Now() const override { return now; }
  Instant now{1'000};
};

class LoopCoreTest : public testing::Test {
 protected:
  std::function<void()> Note(std::string what) {
    return [this, what] { did_.push_back(what); };
  }

  TestClock clock_;
  LoopCore core_{clock_, 1};
  std::vector<std::string> did_;
};

TEST_F(LoopCoreTest, RunsPostedTasksInOrderAndOnce) {
  core_.Post(Note("a"));
  core_.Post(Note("b"));
  EXPECT_EQ(core_.Work(), 2u);
  EXPECT_EQ(core_.Work(), 0u);
  EXPECT_THAT(did_, ElementsAre("a", "b"));
}

TEST_F(LoopCoreTest, OnlyTheFirstPostOfATurnWakes) {
  EXPECT_TRUE(core_.Post(Note("a")));
  EXPECT_FALSE(core_.Post(Note("b")));
  core_.Work();
  EXPECT_TRUE(core_.Post(Note("c")));
}

TEST_F(LoopCoreTest, WhatATaskPostsRunsInALaterTurn) {
  core_.Post([this] {
    did_.emplace_back("outer");
    EXPECT_TRUE(core_.Post(Note("inner")));
  });
  EXPECT_EQ(core_.Work(), 1u);
  EXPECT_THAT(did_, ElementsAre("outer"));
  EXPECT_EQ(core_.NextDeadline(), core_.now());
  EXPECT_EQ(core_.Work(), 1u);
  EXPECT_THAT(did_, ElementsAre("outer", "inner"));
}

TEST_F(LoopCoreTest, WhatTheLoopPostsToItselfKeepsItsPlace) {
  ASSERT_TRUE(core_.baton().Acquire(Instant::Infinite(), [] {}));
  const auto from_outside = [this](std::string what) { std::thread([&] { core_.Post(Note(what)); }).join(); };
  EXPECT_TRUE(core_.Post(Note("a")));
  EXPECT_FALSE(core_.Post(Note("b")));
  from_outside("c");
  core_.Post([this, from_outside] {
    did_.emplace_back("d");
    core_.Post(Note("f"));
    from_outside("g");
  });
  from_outside("e");
  EXPECT_EQ(core_.Work(), 5u);
  EXPECT_THAT(did_, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(core_.Work(), 2u);
  EXPECT_THAT(did_, ElementsAre("a", "b", "c", "d", "e", "f", "g"));
  EXPECT_EQ(core_.Work(), 0u);
  core_.baton().Release();
}

TEST_F(LoopCoreTest, WhatTheLoopPostedToItselfIsDestroyedUnrunByShut) {
  ASSERT_TRUE(core_.baton().Acquire(Instant::Infinite(), [] {}));
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> alive = held;
  core_.Post([this, held = std::move(held)] { did_.emplace_back("run"); });
  core_.Shut();
  EXPECT_TRUE(alive.expired());
  EXPECT_FALSE(core_.Post(Note("late")));
  EXPECT_EQ(core_.Work(), 0u);
  EXPECT_TRUE(did_.empty());
  core_.baton().Release();
}

TEST_F(LoopCoreTest, WhatAsksForTheNextTurnComesFirstInItAndOnce) {
  CallbackTask again([this] { did_.emplace_back("again"); });
  CallbackTask first([&] {
    did_.emplace_back("first");
    core_.InNextTurn(again);
  });
  CallbackTask second(Note("second"));
  core_.Post(Note("task"));
  EXPECT_EQ(core_.NextDeadline(), core_.now());
  EXPECT_TRUE(core_.InNextTurn(first)) << "the loop sleeps";
  EXPECT_FALSE(core_.InNextTurn(second)) << "and is awake by now";
  EXPECT_EQ(core_.Work(), 3u);
  EXPECT_THAT(did_, ElementsAre("first", "second", "task"));
  EXPECT_EQ(core_.NextDeadline(), core_.now());
  EXPECT_EQ(core_.Work(), 1u);
  EXPECT_EQ(did_.back(), "again");
  EXPECT_TRUE(core_.NextDeadline().infinite());
  core_.set_asleep(false);
  EXPECT_FALSE(core_.InNextTurn(first)) << "it looks before it sleeps";
}

TEST_F(LoopCoreTest, WhatAsksForTheNextTurnMayEndBeforeThat) {
  CallbackTask stays(Note("stays"));
  auto ended_before = std::make_unique<CallbackTask>(Note("ended"));
  auto ended_in_it = std::make_unique<CallbackTask>(Note("ended"));
  CallbackTask ends([&] { ended_in_it = nullptr; });
  for (TurnTask* task : std::vector<TurnTask*>{ended_before.get(), &ends, ended_in_it.get(), &stays}) core_.InNextTurn(*task);
  ended_before = nullptr;
  EXPECT_EQ(core_.Work(), 2u);
  EXPECT_THAT(did_, ElementsAre("stays"));
}

TEST_F(LoopCoreTest, ATurnIsTasksThenTimersThenTurnEnds) {
  CallbackTask end(Note("end"));
  CallbackTimer timer(Note("timer"));
  core_.turn_ends().Add(end);
  core_.timers().Arm(timer, clock_.now);
  core_.Post(Note("task"));
  EXPECT_EQ(core_.Work(), 2u);
  EXPECT_THAT(did_, ElementsAre("task", "timer", "end"));
}

TEST_F(LoopCoreTest, ATaskIsDestroyedBeforeTheNextRuns) {
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> alive = held;
  core_.Post([held = std::move(held)] {});
  core_.Post([&] { did_.emplace_back(alive.expired() ? "gone" : "there"); });
  core_.Work();
  EXPECT_THAT(did_, ElementsAre("gone"));
}

TEST_F(LoopCoreTest, WhatATaskThrowsIsLoggedAndTheOthersRun) {
  std::vector<std::string> lines;
  SetLogSink([&lines](Severity, absl::string_view where, absl::string_view text) {
    lines.push_back(std::string(where) + ": " + std::string(text));
  });
  core_.Post([] { throw std::runtime_error("thrown"); });
  core_.Post([] { throw 42; });
  core_.Post(Note("after"));
  EXPECT_EQ(core_.Work(), 3u);
  SetLogSink(nullptr);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("thrown"), HasSubstr("no std::exception")));
  EXPECT_THAT(did_, ElementsAre("after"));
}

TEST_F(LoopCoreTest, TimeStandsStillWithinATurn) {
  core_.Post([this] {
    clock_.now = {5'000};
    EXPECT_EQ(core_.now(), Instant{1'000});
  });
  core_.Work();
  core_.Refresh();
  EXPECT_EQ(core_.now(), Instant{5'000});
}

TEST_F(LoopCoreTest, NextDeadlineIsWhatThereIsToDo) {
  EXPECT_TRUE(core_.NextDeadline().infinite());
  CallbackTimer timer(Note("timer"));
  core_.timers().Arm(timer, Instant{7'000});
  EXPECT_EQ(core_.NextDeadline(), Instant{7'000});
  CallbackTask end(Note("end"));
  core_.turn_ends().Add(end);
  EXPECT_EQ(core_.NextDeadline(), core_.now());
  core_.Work();
  EXPECT_EQ(core_.NextDeadline(), Instant{7'000});
  core_.Post([] {});
  EXPECT_EQ(core_.NextDeadline(), core_.now());
}

TEST_F(LoopCoreTest, ShutDestroysWhatWaitsAndWhatComesLater) {
  const auto held = std::make_shared<int>();
  core_.Post([held] {});
  core_.Shut();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(core_.Post([held] {}));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(core_.NextDeadline().infinite());
  EXPECT_EQ(core_.Work(), 0u);
  core_.Shut();
}

TEST_F(LoopCoreTest, ATasksEndMayPostWhileItIsShut) {
  struct Posts {
    ~Posts() {
      core.Post([] { FAIL() << "ran"; });
    }
    LoopCore& core;
  };
  core_.Post([posts = std::unique_ptr<Posts>(new Posts{core_})] {});
  core_.Shut();
  EXPECT_EQ(core_.Work(), 0u);
}

TEST_F(LoopCoreTest, ChanceFollowsTheSeed) {
  // splitmix64's published vector.
  LoopCore core(clock_, 1234567);
  EXPECT_EQ(core.Random(), 6457827717110365317u);
  EXPECT_EQ(core.Random(), 3203168211198807973u);
  EXPECT_EQ(core.Random(), 9817491932198370423u);
  LoopCore same(clock_, 1234567), other(clock_, 1234568);
  EXPECT_EQ(same.Random(), 6457827717110365317u);
  EXPECT_NE(other.Random(), 6457827717110365317u);
}

TEST_F(LoopCoreTest, NoTaskFromAnyThreadIsLostOrUnannounced) {
  constexpr int kThreads = 4, kTasks = 2000;
  std::atomic<int> wakes{0};
  std::vector<std::thread> threads;
  std::vector<int> next(kThreads, 0);  // written by tasks only
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kTasks; ++i) {
        if (core_.Post([&next, thread, i] { EXPECT_EQ(next[thread]++, i); })) wakes.fetch_add(1);
      }
    });
  }
  size_t ran = 0;
  int seen = 0;
  while (ran < size_t{kThreads} * kTasks) {
    // A loop that was not woken must have nothing to do: it works only as often as it is woken.
    if (wakes.load() == seen) {
      std::this_thread::yield();
      continue;
    }
    ++seen;
    ran += core_.Work();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(next, ElementsAre(kTasks, kTasks, kTasks, kTasks));
}

TEST(TurnList, RunsWhatWaitsAndWhatIsAddedMeanwhile) {
  TurnList list;
  std::vector<int> order;
  CallbackTask late([&] { order.push_back(3); });
  CallbackTask first([&] {
    order.push_back(1);
    list.Add(late);
  });
  CallbackTask second([&] { order.push_back(2); });
  EXPECT_TRUE(list.empty());
  list.Add(first);
  list.Add(second);
  list.Add(first);  // waits already
  EXPECT_FALSE(list.empty());
  list.RunAll();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_TRUE(list.empty());
  list.RunAll();
  EXPECT_EQ(order.size(), 3u);
}

TEST(TurnList, ATaskMayAskAgainFromItself) {
  TurnList list;
  int runs = 0;
  CallbackTask task([&] {
    if (++runs < 3) list.Add(task);
  });
  list.Add(task);
  list.RunAll();
  EXPECT_EQ(runs, 3);
}

TEST(TurnList, ADestroyedTaskWithdraws) {
  TurnList list;
  std::vector<int> order;
  CallbackTask before([&] { order.push_back(1); }), after([&] { order.push_back(3); });
  auto victim = std::make_unique<CallbackTask>([&] { order.push_back(2); });
  CallbackTask destroys([&] { victim = nullptr; });
  list.Add(before);
  list.Add(destroys);
  list.Add(*victim);
  list.Add(after);
  list.RunAll();
  EXPECT_THAT(order, ElementsAre(1, 3));
  EXPECT_TRUE(list.empty());
}

TEST(TurnList, TasksMayOutliveIt) {
  int runs = 0;
  CallbackTask task([&] { ++runs; }), other([&] { ++runs; });
  {
    TurnList list;
    list.Add(task);
    list.Add(other);
  }
  TurnList list;
  list.Add(task);  // it waits nowhere
  list.RunAll();
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace rain
