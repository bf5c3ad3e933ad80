// The mailbox of a loop: what is posted runs or ends, once, and no post is slept through.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/loop_core.h"
#include "listenrain/testing/interleaving/explored_test.h"
#include "listenrain/testing/interleaving/model_loop_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

using testing::HasSubstr;

// What became of posted tasks.
class Fates {
 public:
  explicit Fates(size_t tasks) : fates_(tasks) {}

  // The task of this number.
  absl::AnyInvocable<void() &&> Task(size_t number) { return Posted(fates_[number], ran_); }
  void RequireEachToHaveRun() const {
    for (const Fate& fate : fates_) Require(fate.ran == 1 && fate.ended == 1, "each task ran once, and then ended");
  }
  void RequireEachToHaveEnded() const {
    for (const Fate& fate : fates_) Require(fate.ran <= 1 && fate.ended == 1, "each task ended once, and ran at most once");
  }
  // Thread: the loop's.
  size_t ran() const { return ran_; }

 private:
  struct Fate {
    int ran = 0;
    int ended = 0;
  };
  class Posted {
   public:
    Posted(Fate& fate, size_t& ran) : fate_(&fate), ran_(&ran) {}
    Posted(Posted&& other) noexcept : fate_(std::exchange(other.fate_, nullptr)), ran_(other.ran_) {}
    Posted& operator=(Posted&&) = delete;
    ~Posted() {
      if (fate_ != nullptr) ++fate_->ended;
    }
    void operator()() && {
      Require(fate_->ended == 0, "it runs before it ends");
      ++fate_->ran;
      ++*ran_;
    }

   private:
    Fate* fate_;
    size_t* ran_;
  };

  std::vector<Fate> fates_;
  size_t ran_ = 0;
};

// A loop that sleeps where it has nothing to do, and two threads that post.
template <class Core>
struct Mailbox {
  Core core{SystemClock(), 1};
  Alarm alarm;
  Fates fates{3};

  void Post(size_t number) {
    if (core.Post(fates.Task(number))) alarm.Ring();
  }
  void RunUntil(size_t tasks) {
    while (fates.ran() < tasks) {
      core.Work();
      if (fates.ran() == tasks) return;
      if (const Instant next = core.NextDeadline(); next > core.now()) alarm.Sleep(next);
    }
  }
};

template <class Core>
void TwoPosters(Scenario& scenario) {
  auto box = std::make_shared<Mailbox<Core>>();
  scenario.Thread("loop", [box] { box->RunUntil(3); });
  scenario.Thread("poster", [box] {
    box->Post(0);
    box->Post(1);
  });
  scenario.Thread("other poster", [box] { box->Post(2); });
  scenario.AtEnd([box] { box->fates.RequireEachToHaveRun(); });
}

TEST(Mailbox, NoPostIsSleptThrough) {
  const Exploration all = ExploreAndTell("two posters", TwoPosters<LoopCore>);
  EXPECT_TRUE(all.ok()) << all.failure;
}

enum class Wrong { nowhere, looks_before_the_lock, takes_in_two_steps };

// The part of LoopCore that is explored here, right or wrong.
template <Wrong wrong>
class SmallCore {
 public:
  SmallCore(const Clock&, uint64_t) {}

  bool Post(absl::AnyInvocable<void() &&> task) {
    const bool was_empty_before = wrong == Wrong::looks_before_the_lock && !has_posted_.load();
    {
      MutexLock lock(mutex_);
      posted_.push_back(std::move(task));
      if (wrong != Wrong::looks_before_the_lock) return !has_posted_.exchange(true);
      has_posted_.store(true);
    }
    return was_empty_before;
  }
  void Work() {
    if (!has_posted_.load()) return;
    std::vector<absl::AnyInvocable<void() &&>> running;
    {
      MutexLock lock(mutex_);
      running.swap(posted_);
      if (wrong != Wrong::takes_in_two_steps) has_posted_.store(false);
    }
    if (wrong == Wrong::takes_in_two_steps) has_posted_.store(false);
    for (auto& task : running) std::move(task)();
  }
  Instant NextDeadline() { return has_posted_.load() ? now() : Instant::Infinite(); }
  Instant now() const { return {}; }

 private:
  Atomic<bool> has_posted_{false};
  Mutex mutex_;
  std::vector<absl::AnyInvocable<void() &&>> posted_ ABSL_GUARDED_BY(mutex_);
};

TEST(Mailbox, WrongOnesAreFound) {
  const Exploration right = ExploreAndTell("two posters, small", TwoPosters<SmallCore<Wrong::nowhere>>);
  EXPECT_TRUE(right.ok()) << right.failure;
  const Exploration early = ExploreAndTell("looks before the lock", TwoPosters<SmallCore<Wrong::looks_before_the_lock>>);
  EXPECT_THAT(early.failure, HasSubstr("nobody can go on:\n  loop"));
  const Exploration torn = ExploreAndTell("takes in two steps", TwoPosters<SmallCore<Wrong::takes_in_two_steps>>);
  EXPECT_THAT(torn.failure, HasSubstr("nobody can go on:\n  loop"));
}

TEST(Mailbox, WhatIsPostedWhileItIsShutRunsOrEnds) {
  const Exploration all = ExploreAndTell("posts and Shut", [](Scenario& scenario) {
    auto box = std::make_shared<Mailbox<LoopCore>>();
    scenario.Thread("loop", [box] {
      box->core.Work();
      box->core.Shut();
      box->core.Work();
    });
    scenario.Thread("poster", [box] {
      box->Post(0);
      box->Post(1);
    });
    scenario.Thread("other poster", [box] { box->Post(2); });
    scenario.AtEnd([box] { box->fates.RequireEachToHaveEnded(); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(Mailbox, ATimerAndAPostEachEndTheSleep) {
  struct Timed final : Timer {
    void OnTimer() override { ++*fired; }
    int* fired = nullptr;
  };
  struct State {
    Mailbox<LoopCore> box;
    int fired = 0;
    Timed timer;
  };
  const Exploration all = ExploreAndTell("a timer and a post", [](Scenario& scenario) {
    auto state = std::make_shared<State>();
    state->timer.fired = &state->fired;
    const Instant due{std::chrono::nanoseconds(std::chrono::hours(2)).count()};
    scenario.Thread("loop", [state, due] {
      state->box.core.timers().Arm(state->timer, due);
      state->box.RunUntil(1);
      while (state->fired == 0) {
        state->box.alarm.Sleep(state->box.core.NextDeadline());
        state->box.core.Work();
      }
    });
    scenario.Thread("poster", [state] { state->box.Post(0); });
    scenario.Thread("time",
                    [due] { PassTime(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due.nanoseconds))); });
    scenario.AtEnd([state] { Require(state->fired == 1, "the timer fires once"); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

// As NewUvLoop's deleter does: what is posted meanwhile runs or ends, and the thread comes to its end.
TEST(Mailbox, ALoopEndsWhileOthersPost) {
  struct State {
    Fates fates{1};
    ModelLoop loop;
  };
  const Exploration all = ExploreAndTell("the end of a loop", [](Scenario& scenario) {
    auto state = std::make_shared<State>();
    scenario.Thread("loop", [state] { state->loop.ThreadMain(); });
    scenario.Thread("poster", [state] { state->loop.Run(state->fates.Task(0)); });
    scenario.Thread("owner", [state] { state->loop.End(); });
    scenario.AtEnd([state] { state->fates.RequireEachToHaveEnded(); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

// Whoever waits for a task may drive the loop meanwhile: it takes the baton from the loop's thread and gives it back.
TEST(Mailbox, ACallerDrivesTheLoopUntilItsTaskRan) {
  struct State {
    Atomic<bool> ran{false};
    ModelLoop loop;
  };
  const auto set_up = [](Scenario& scenario) {
    auto state = std::make_shared<State>();
    const Instant deadline{std::chrono::nanoseconds(std::chrono::hours(2)).count()};
    scenario.Thread("loop", [state] { state->loop.ThreadMain(); });
    scenario.Thread("caller", [state, deadline] {
      state->loop.Run([state] { state->ran.store(true); });
      while (!state->ran.load()) state->loop.RunTurn(deadline);
      state->loop.End();
    });
  };
  ExploreOptions options;
  if (CurrentTestScale() != TestScale::long_run) options.max_preemptions = 2;
  const Exploration all = ExploreAndTell("a caller that drives", set_up, options);
  EXPECT_TRUE(all.ok()) << all.failure;
}

}  // namespace
}  // namespace rain
