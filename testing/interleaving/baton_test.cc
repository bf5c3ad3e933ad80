// The baton: held by one at a time, handed to whoever waits, and never lost.
#include "listenrain/framework/baton.h"

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/testing/interleaving/explored_test.h"
#include "listenrain/testing/interleaving/model_loop_test.h"

namespace rain {
namespace {

using testing::HasSubstr;

constexpr Instant Hours(int hours) { return {hours * int64_t{3'600'000'000'000}}; }
std::chrono::steady_clock::time_point TimeOf(Instant instant) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(instant.nanoseconds));
}

// What a baton guards.
template <class B>
struct Guarded {
  B baton;
  Atomic<int> inside{0};      // a step of its own: where two are inside, their order matters
  std::atomic<int> turns{0};  // no step: only wrong batons let two come here

  // A turn, if the baton comes in time.
  bool TakeTurn(Instant deadline) {
    if (!baton.Acquire(deadline, [] {})) {
      Require(!B::AnyHeldHere(), "who gave up holds none");
      return false;
    }
    Require(baton.HeldHere() && B::AnyHeldHere(), "who got it holds it");
    Require(inside.fetch_add(1) == 0, "one holds it at a time");
    ++turns;
    inside.fetch_sub(1);
    baton.Release();
    Require(!B::AnyHeldHere(), "who released it holds none");
    return true;
  }
  void RequireToBeFree() {
    const bool free = baton.Acquire(Instant{}, [] {});
    Require(free, "in the end nobody holds it");
    if (free) baton.Release();
  }
};

template <class B>
void ThreeTakeTurns(Scenario& scenario) {
  auto guarded = std::make_shared<Guarded<B>>();
  for (const char* name : {"a", "b", "c"}) {
    scenario.Thread(name, [guarded] { guarded->TakeTurn(Instant::Infinite()); });
  }
  scenario.AtEnd([guarded] {
    Require(guarded->turns == 3, "everybody had a turn");
    guarded->RequireToBeFree();
  });
}

// Two that wait, the first of whom gives up at its deadline, which may come at any moment.
template <class B>
void OneGivesUp(Scenario& scenario) {
  auto guarded = std::make_shared<Guarded<B>>();
  auto taken = std::make_shared<int>(0);
  scenario.Thread("holder", [guarded] { guarded->TakeTurn(Instant::Infinite()); });
  scenario.Thread("impatient", [guarded, taken] { *taken = guarded->TakeTurn(Hours(2)) ? 1 : 0; });
  scenario.Thread("patient", [guarded] { guarded->TakeTurn(Instant::Infinite()); });
  scenario.Thread("time", [] { PassTime(TimeOf(Hours(2))); });
  scenario.AtEnd([guarded, taken] {
    Require(guarded->turns == 2 + *taken, "who waits without a deadline has a turn");
    guarded->RequireToBeFree();
  });
}

template <class B>
void TwoGiveUp(Scenario& scenario) {
  auto guarded = std::make_shared<Guarded<B>>();
  scenario.Thread("holder", [guarded] { guarded->TakeTurn(Instant::Infinite()); });
  scenario.Thread("first", [guarded] { guarded->TakeTurn(Hours(2)); });
  scenario.Thread("second", [guarded] { guarded->TakeTurn(Hours(2)); });
  scenario.Thread("time", [] { PassTime(TimeOf(Hours(2))); });
  scenario.AtEnd([guarded] { guarded->RequireToBeFree(); });
}

TEST(BatonInterleaved, ThreeTakeTurns) {
  const Exploration all = ExploreAndTell("three take turns", ThreeTakeTurns<Baton>);
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(BatonInterleaved, WhoGivesUpWhileItIsHandedTheBatonTakesItOrPassesIt) {
  const Exploration one = ExploreAndTell("one of two gives up", OneGivesUp<Baton>);
  EXPECT_TRUE(one.ok()) << one.failure;
  const Exploration two = ExploreAndTell("both give up", TwoGiveUp<Baton>);
  EXPECT_TRUE(two.ok()) << two.failure;
}

// The holder sleeps until it is nudged, or until what it waits for comes.
TEST(BatonInterleaved, ANudgeAlwaysReachesTheHolder) {
  struct State {
    Baton baton;
    Alarm alarm;
    int turns = 0;
  };
  const Exploration all = ExploreAndTell("a nudge", [](Scenario& scenario) {
    auto state = std::make_shared<State>();
    scenario.Thread("loop", [state] {
      for (int i = 0; i < 3; ++i) {
        state->baton.Acquire(Instant::Infinite(), [] {});
        const bool over = state->turns == 1;
        if (!over) state->alarm.Sleep(Instant::Infinite());
        state->baton.Release();
        if (over) return;
      }
      Require(false, "the baton goes to whoever waits for it");
    });
    scenario.Thread("driver", [state] {
      state->baton.Acquire(Instant::Infinite(), [state] { state->alarm.Ring(); });
      ++state->turns;
      state->baton.Release();
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

enum class Wrong { nowhere, signals_nobody, forgets_a_grant, stays_in_line, frees_before_it_hands_over };

// A small baton, right or wrong.
template <Wrong wrong>
class SmallBaton {
 public:
  bool HeldHere() const { return held_by_me_ == this; }
  static bool AnyHeldHere() { return held_by_me_ != nullptr; }

  bool Acquire(Instant deadline, absl::FunctionRef<void()> nudge) {
    Waiter* own = nullptr;
    {
      MutexLock lock(mutex_);
      if (!held_) {
        held_ = true;
        held_by_me_ = this;
        return true;
      }
      own = &waiters_.emplace_back();
      line_.push_back(own);
    }
    nudge();
    MutexLock lock(mutex_);
    Waiter& self = *own;
    while (!self.granted) {
      if (deadline.infinite()) {
        self.changed.Wait(mutex_);
        continue;
      }
      if (SystemClock().Now() >= deadline) break;
      self.changed.WaitUntil(mutex_, TimeOf(deadline));
      if (wrong == Wrong::forgets_a_grant && SystemClock().Now() >= deadline) break;
    }
    if (self.granted && (wrong != Wrong::forgets_a_grant || deadline.infinite() || SystemClock().Now() < deadline)) {
      held_by_me_ = this;
      return true;
    }
    if (wrong != Wrong::stays_in_line) std::erase(line_, &self);
    return false;
  }
  void Release() {
    MutexLock lock(mutex_);
    held_by_me_ = nullptr;
    if (line_.empty() || wrong == Wrong::frees_before_it_hands_over) held_ = false;
    if (line_.empty()) return;
    Waiter* next = line_.front();
    line_.erase(line_.begin());
    next->granted = true;
    if (wrong != Wrong::signals_nobody) next->changed.SignalOne();
  }

 private:
  struct Waiter {
    bool granted = false;
    CondVar changed;
  };
  static thread_local const void* held_by_me_;

  Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Waiter*> line_ ABSL_GUARDED_BY(mutex_);
  std::deque<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);  // all there were: wrong ones come back to them
};
template <Wrong wrong>
thread_local const void* SmallBaton<wrong>::held_by_me_ = nullptr;

TEST(BatonInterleaved, WrongOnesAreFound) {
  const Exploration right = ExploreAndTell("one of two gives up, small", OneGivesUp<SmallBaton<Wrong::nowhere>>);
  EXPECT_TRUE(right.ok()) << right.failure;
  const Exploration mute = ExploreAndTell("signals nobody", ThreeTakeTurns<SmallBaton<Wrong::signals_nobody>>);
  EXPECT_THAT(mute.failure, HasSubstr("nobody can go on"));
  const Exploration two =
      ExploreAndTell("frees before it hands over", ThreeTakeTurns<SmallBaton<Wrong::frees_before_it_hands_over>>);
  EXPECT_THAT(two.failure, HasSubstr("one holds it at a time"));
  const Exploration lost = ExploreAndTell("forgets a grant", OneGivesUp<SmallBaton<Wrong::forgets_a_grant>>);
  EXPECT_FALSE(lost.ok());
  const Exploration ghost = ExploreAndTell("stays in line", OneGivesUp<SmallBaton<Wrong::stays_in_line>>);
  EXPECT_FALSE(ghost.ok());
}

}  // namespace
}  // namespace rain
