#include "listenrain/framework/baton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace rain {
namespace {

using testing::ElementsAre;

bool Acquire(Baton& baton, Instant deadline = Instant::Infinite()) {
  return baton.Acquire(deadline, [] {});
}

// A thread that asks for the baton, and with it does `work`. The constructor returns when it waits in the queue: its nudge has
// been called.
class Asker {
 public:
  explicit Asker(
      Baton& baton, std::function<void()> work = [] {}) {
    std::promise<void> waits;
    thread_ = std::thread([&baton, &waits, work = std::move(work)] {
      baton.Acquire(Instant::Infinite(), [&waits] { waits.set_value(); });
      work();
      baton.Release();
    });
    waits.get_future().wait();
  }
  ~Asker() { thread_.join(); }

 private:
  std::thread thread_;
};

TEST(Baton, IsHadAtOnceIfItIsFree) {
  Baton baton;
  bool nudged = false;
  EXPECT_FALSE(baton.HeldHere());
  EXPECT_TRUE(baton.Acquire(Instant{}, [&] { nudged = true; }));  // a deadline long past
  EXPECT_TRUE(baton.HeldHere());
  EXPECT_FALSE(nudged);
  baton.Release();
  EXPECT_FALSE(baton.HeldHere());
}

TEST(Baton, HeldHereKnowsTheHolderAndNoOther) {
  Baton baton, other;
  ASSERT_TRUE(Acquire(baton));
  EXPECT_FALSE(other.HeldHere());
  std::thread([&] {
    EXPECT_FALSE(baton.HeldHere());
    EXPECT_TRUE(Acquire(other));
    EXPECT_TRUE(other.HeldHere());
    other.Release();
  }).join();
  baton.Release();
}

// It goes with the baton, whichever thread first ran the loop.
TEST(Baton, HeldHereMovesWithTheBaton) {
  Baton baton;
  ASSERT_TRUE(Acquire(baton));
  bool held_there = false;
  {
    Asker asker(baton, [&] { held_there = baton.HeldHere(); });
    EXPECT_TRUE(baton.HeldHere());
    baton.Release();
    EXPECT_FALSE(baton.HeldHere());
  }
  EXPECT_TRUE(held_there);
  ASSERT_TRUE(Acquire(baton));
  EXPECT_TRUE(baton.HeldHere());
  baton.Release();
}

TEST(Baton, GoesToTheOneWhoHasWaitedLongest) {
  Baton baton;
  ASSERT_TRUE(Acquire(baton));
  std::vector<int> order;  // written by holders only
  {
    std::vector<std::unique_ptr<Asker>> askers;
    for (int i = 0; i < 8; ++i) askers.push_back(std::make_unique<Asker>(baton, [&order, i] { order.push_back(i); }));
    baton.Release();
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

// Release hands over: who releases and asks again comes behind those who wait.
TEST(Baton, WhoAsksAgainComesLast) {
  Baton baton;
  ASSERT_TRUE(Acquire(baton));
  std::vector<int> order;
  Asker asker(baton, [&order] { order.push_back(1); });
  baton.Release();
  ASSERT_TRUE(Acquire(baton));
  order.push_back(2);
  EXPECT_THAT(order, ElementsAre(1, 2));
  baton.Release();
}

TEST(Baton, NudgesOnceIfThereIsSomeoneToWaitFor) {
  Baton baton;
  ASSERT_TRUE(Acquire(baton));
  int nudges = 0;
  std::thread([&] { EXPECT_FALSE(baton.Acquire(SystemClock().Now(), [&] { ++nudges; })); }).join();
  EXPECT_EQ(nudges, 1);
  baton.Release();
}

// The nudge may do what makes the holder let go at once.
TEST(Baton, TheNudgeMayReachTheHolderBeforeTheWaitBegins) {
  Baton baton;
  for (int i = 0; i < 200; ++i) {
    std::promise<void> nudge, held;
    std::thread holder([&] {
      Acquire(baton);
      held.set_value();
      nudge.get_future().wait();
      baton.Release();
    });
    held.get_future().wait();
    ASSERT_TRUE(baton.Acquire(Instant::Infinite(), [&] { nudge.set_value(); }));
    baton.Release();
    holder.join();
  }
}

TEST(Baton, GivesUpAtTheDeadlineAndNotBefore) {
  Baton baton;
  ASSERT_TRUE(Acquire(baton));
  std::thread([&] {
    const Instant deadline = SystemClock().Now() + absl::Milliseconds(5);
    EXPECT_FALSE(Acquire(baton, deadline));
    EXPECT_GE(SystemClock().Now(), deadline);
    EXPECT_FALSE(baton.HeldHere());
  }).join();
  baton.Release();
  EXPECT_TRUE(Acquire(baton));
  baton.Release();
}

// First, in the middle and last of those who wait: the queue must stay whole.
TEST(Baton, WhoGaveUpIsNoLongerInTheQueue) {
  for (int gives_up = 0; gives_up < 3; ++gives_up) {
    Baton baton;
    ASSERT_TRUE(Acquire(baton));
    std::vector<int> order;
    {
      std::vector<std::unique_ptr<Asker>> askers;
      std::promise<void> queued, may_end;
      std::thread quitter;
      for (int i = 0; i < 3; ++i) {
        if (i != gives_up) {
          askers.push_back(std::make_unique<Asker>(baton, [&order, i] { order.push_back(i); }));
          continue;
        }
        quitter = std::thread([&] {
          EXPECT_FALSE(baton.Acquire(SystemClock().Now(), [&] {
            queued.set_value();
            may_end.get_future().wait();  // until the others have queued behind
          }));
        });
        queued.get_future().wait();
      }
      may_end.set_value();
      quitter.join();
      askers.push_back(std::make_unique<Asker>(baton, [&order] { order.push_back(3); }));
      baton.Release();
    }
    EXPECT_EQ(order.size(), 3u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

TEST(Baton, WhatHoldersWriteTheNextHolderSees) {
  Baton baton;
  int64_t counter = 0;  // no lock but the baton
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      int taken = 0;
      while (taken < 500) {
        // Some give up at once, and try again.
        const Instant deadline = i % 2 == 0 ? Instant::Infinite() : SystemClock().Now() + absl::Microseconds(20);
        if (!Acquire(baton, deadline)) continue;
        ++counter;
        ++taken;
        baton.Release();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, 2000);
}

}  // namespace
}  // namespace rain
