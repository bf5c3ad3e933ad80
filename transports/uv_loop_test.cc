#include "listenrain/transports/uv_loop.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/framework/baton.h"
#include "listenrain/framework/callback_task_test.h"

namespace rain {
namespace {

Instant Soon(Loop& loop, absl::Duration in) { return loop.clock().Now() + in; }

// Returns when `task` has run on the loop. Not for the loop's own thread.
void RunOn(Loop& loop, const std::function<void()>& task) {
  std::promise<void> done;
  loop.Run([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

class CallTimer final : public Timer {
 public:
  std::function<void()> call;

 private:
  void OnTimer() override { call(); }
};

// Tells when it is destroyed, and whether by a holder of the baton.
class Witness {
 public:
  Witness(Loop* loop, std::promise<bool>* ended) : loop_(loop), ended_(ended) {}
  ~Witness() { ended_->set_value(loop_->InLoop()); }

 private:
  Loop* loop_;
  std::promise<bool>* ended_;
};

class UvLoop : public testing::TestWithParam<absl::Duration> {
 protected:
  std::shared_ptr<Loop> NewLoop() { return NewUvLoop({.poll = GetParam()}).value(); }
};
INSTANTIATE_TEST_SUITE_P(, UvLoop, testing::Values(absl::ZeroDuration(), absl::Microseconds(50)),
                         [](const auto& which) { return which.param == absl::ZeroDuration() ? "Sleeping" : "Polling"; });

TEST_P(UvLoop, RunsTasksInTheOrderOfTheCallsOnOneThread) {
  auto loop = NewLoop();
  std::vector<int> order;
  std::thread::id thread;
  for (int i = 0; i < 1000; ++i) loop->Run([&order, i] { order.push_back(i); });
  RunOn(*loop, [&] {
    thread = std::this_thread::get_id();
    EXPECT_TRUE(loop->InLoop());
  });
  EXPECT_FALSE(loop->InLoop());
  EXPECT_NE(thread, std::this_thread::get_id());
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_P(UvLoop, LosesNoTaskOfManyThreads) {
  auto loop = NewLoop();
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  int ran = 0;  // no lock: the baton orders the tasks
  std::promise<void> all;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int task = 0; task < kTasks; ++task) {
        loop->Run([&] {
          if (++ran == kThreads * kTasks) all.set_value();
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  all.get_future().wait();
}

TEST_P(UvLoop, ATaskMayPostTheNextForever) {
  auto loop = NewLoop();
  int hops = 0;
  std::promise<void> done;
  std::function<void()> hop = [&] {
    if (++hops == 1000) return done.set_value();
    loop->Run([&] { hop(); });
  };
  loop->Run([&] { hop(); });
  done.get_future().wait();
}

// How late a hundred timers are, least first.
std::vector<absl::Duration> Lateness(Loop& loop) {
  constexpr size_t kTimers = 100;
  std::vector<CallTimer> timers(kTimers);
  std::vector<absl::Duration> late;
  std::promise<void> done;
  RunOn(loop, [&] {
    for (size_t i = 0; i < kTimers; ++i) {
      const Instant deadline = Soon(loop, absl::Microseconds(static_cast<int64_t>(loop.Random() % 100'000)));
      timers[i].call = [&, deadline] {
        late.push_back(loop.clock().Now() - deadline);
        if (late.size() == kTimers) done.set_value();
      };
      loop.timers().Arm(timers[i], deadline);
    }
  });
  done.get_future().wait();
  std::sort(late.begin(), late.end());
  return late;
}

TEST_P(UvLoop, WhatAsksForTheNextTurnMayDoSoForever) {
  const std::shared_ptr<Loop> loop = NewLoop();
  constexpr int kTurns = 1000;
  int turns = 0;
  int ended = 0;
  std::promise<void> done;
  CallbackTask turn_end([&] { ++ended; });
  CallbackTask task([&] {
    EXPECT_EQ(turns, ended) << "each has a turn of its own";
    loop->AtTurnEnd(turn_end);
    if (++turns == kTurns) return done.set_value();
    loop->InNextTurn(task);
  });
  RunOn(*loop, [&] { loop->InNextTurn(task); });
  done.get_future().wait();
  RunOn(*loop, [&] { EXPECT_EQ(turns, kTurns); });
}

TEST_P(UvLoop, TimersAreNeverEarlyAndAboutAMillisecondLate) {
  auto loop = NewLoop();
  // Others use the machine too: a quarter of the timers suffices to tell a grain of 2 ms from one of 1 ms, in one quiet round.
  constexpr int kRounds = 30;
  absl::Duration quarter = absl::InfiniteDuration();
  for (int round = 0; round < kRounds && quarter > absl::Microseconds(1100); ++round) {
    const std::vector<absl::Duration> late = Lateness(*loop);
    EXPECT_GE(late.front(), absl::ZeroDuration());
    quarter = std::min(quarter, late[late.size() / 4]);
  }
  EXPECT_LE(quarter, absl::Microseconds(1100));
}

TEST_P(UvLoop, ATimerMovedEarlierByATaskFiresAtItsNewTime) {
  auto loop = NewLoop();
  CallTimer timer;
  std::promise<void> fired;
  timer.call = [&] { fired.set_value(); };
  RunOn(*loop, [&] { loop->timers().Arm(timer, Soon(*loop, absl::Hours(1))); });
  RunOn(*loop, [&] { loop->timers().Arm(timer, Soon(*loop, absl::Milliseconds(3))); });
  fired.get_future().wait();
}

TEST_P(UvLoop, AnotherThreadDrivesWhileTheOwnSleeps) {
  auto loop = NewLoop();
  const auto here = std::this_thread::get_id();
  std::atomic<bool> ran_here{false};
  std::function<void()> hop = [&] {
    if (std::this_thread::get_id() == here) {
      ran_here = true;
    } else {
      loop->Run([&] { hop(); });
    }
  };
  loop->Run([&] { hop(); });
  const Instant limit = Soon(*loop, absl::Seconds(20));
  while (!ran_here && loop->clock().Now() < limit) {
    EXPECT_TRUE(loop->RunTurn(limit));
    EXPECT_FALSE(loop->InLoop());
  }
  EXPECT_TRUE(ran_here);
  // And the own thread takes over again.
  std::thread::id after;
  RunOn(*loop, [&] { after = std::this_thread::get_id(); });
  EXPECT_NE(after, here);
}

TEST_P(UvLoop, ManyThreadsDriveInTurns) {
  auto loop = NewLoop();
  constexpr int kThreads = 4;
  constexpr int kCalls = 300;
  int64_t sum = 0;  // no lock: the baton
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < kCalls; ++call) {
        std::atomic<bool> done{false};
        loop->Run([&] {
          ++sum;
          done = true;
        });
        while (!done) loop->RunTurn(Soon(*loop, absl::Milliseconds(1)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  RunOn(*loop, [&] { EXPECT_EQ(sum, kThreads * kCalls); });
}

TEST_P(UvLoop, ATurnWithNothingToDoEndsAtItsDeadlineAndDoesNotSpin) {
  auto loop = NewLoop();
  const Instant deadline = Soon(*loop, absl::Milliseconds(20));
  int turns = 0;
  while (loop->clock().Now() < deadline && loop->RunTurn(deadline)) ++turns;
  EXPECT_GE(loop->clock().Now(), deadline);
  EXPECT_LE(turns, 10);
}

TEST_P(UvLoop, RunTurnGivesUpWhenTheBatonDoesNotCome) {
  auto loop = NewLoop();
  std::promise<void> holding, release;
  loop->Run([&] {
    holding.set_value();
    release.get_future().wait();
  });
  holding.get_future().wait();
  EXPECT_FALSE(loop->RunTurn(Soon(*loop, absl::Milliseconds(2))));
  release.set_value();
}

TEST_P(UvLoop, RunTurnInsideATurnIsRefused) {
  auto loop = NewLoop();
  RunOn(*loop, [&] { EXPECT_FALSE(loop->RunTurn(Instant::Infinite())); });
}

TEST_P(UvLoop, TasksLeftAtTheEndAreDestroyedUnrunWithTheBatonInHand) {
  auto loop = NewLoop();
  std::promise<void> holding, release;
  std::promise<bool> ended;
  loop->Run([&, raw = loop.get()] {
    holding.set_value();
    release.get_future().wait();
    raw->Run([witness = std::make_unique<Witness>(raw, &ended)] {});
  });
  holding.get_future().wait();
  // The end waits for the turn that runs.
  std::thread ending([&] { loop.reset(); });
  release.set_value();
  ending.join();
  EXPECT_TRUE(ended.get_future().get());
}

TEST_P(UvLoop, ItsLastReferenceMayBeDroppedInsideItsOwnTurn) {
  auto loop = NewLoop();
  std::promise<bool> ended;
  Loop* raw = loop.get();
  raw->Run([&ended, raw, last = std::move(loop)]() mutable {
    raw->Run([witness = std::make_unique<Witness>(raw, &ended)] {});
    last.reset();
  });
  EXPECT_TRUE(ended.get_future().get());
}

TEST_P(UvLoop, ItsLastReferenceMayBeDroppedByAnotherThreadThatDrives) {
  auto loop = NewLoop();
  Loop* raw = loop.get();
  const auto here = std::this_thread::get_id();
  std::promise<bool> ended;
  bool dropped = false;
  std::function<void()> hop = [&] {
    if (std::this_thread::get_id() != here) return raw->Run([&] { hop(); });
    raw->Run([witness = std::make_unique<Witness>(raw, &ended)] {});
    loop.reset();
    dropped = true;
  };
  loop->Run([&] { hop(); });
  while (!dropped) raw->RunTurn(Instant::Infinite());
  EXPECT_TRUE(ended.get_future().get());
}

TEST_P(UvLoop, ComesAndGoesQuickly) {
  for (int i = 0; i < 200; ++i) {
    auto loop = NewLoop();
    loop->Run([] {});
  }
}

TEST(NewUvLoop, WithoutDescriptorsSaysWhy) {
  NewUvLoop().value();  // opens what libuv keeps
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto loop = NewUvLoop();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(loop.status())) << loop.status();
  EXPECT_NE(loop.status().message().find("uv_loop_init"), absl::string_view::npos) << loop.status();
}

}  // namespace
}  // namespace rain
