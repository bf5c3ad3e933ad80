// What two threads share until the last of them lets go: references, countdowns, and the outcome that one waits for.
#include <array>
#include <coroutine>
#include <memory>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/countdown.h"
#include "listenrain/framework/handover.h"
#include "listenrain/framework/ref.h"
#include "listenrain/framework/sync_wait.h"
#include "listenrain/framework/sync_waiter.h"
#include "listenrain/framework/when_all.h"
#include "listenrain/testing/interleaving/explored_test.h"

namespace rain {
namespace {

using testing::HasSubstr;

struct Counted final : RefCounted {
  explicit Counted(Atomic<int>& ended) : ends(ended) {}
  ~Counted() override { ends.fetch_add(1); }
  Atomic<int>& ends;
};

TEST(OutcomesInterleaved, TheLastReferenceEndsTheObject) {
  const Exploration all = ExploreAndTell("references", [](Scenario& scenario) {
    struct State {
      Atomic<int> ends{0};
      Ref<Counted> refs[2];
    };
    auto state = std::make_shared<State>();
    state->refs[0] = MakeRef<Counted>(state->ends);
    state->refs[1] = state->refs[0];
    scenario.Thread("shares", [state] {
      const Ref<Counted> more = state->refs[0];
      state->refs[0] = nullptr;
    });
    scenario.Thread("banks", [state] {
      RefBank<Counted> bank(std::exchange(state->refs[1], nullptr));
      const Ref<Counted> one = bank.Take();
      const Ref<Counted> other = bank.Take();
    });
    scenario.AtEnd([state] { Require(state->ends.load() == 1, "it ends once"); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(OutcomesInterleaved, ACountdownIsOverOnceAndAfterEveryPart) {
  const Exploration all = ExploreAndTell("a countdown", [](Scenario& scenario) {
    struct State {
      int parts[3] = {};
      int over = 0;
    };
    auto state = std::make_shared<State>();
    auto countdown = MakeRef<Countdown>(size_t{3}, [state] {
      for (const int part : state->parts) Require(part == 1, "it sees what was done before");
      ++state->over;
    });
    for (int& part : state->parts) {
      scenario.Thread("does a part", [state, &part, countdown]() mutable {
        part = 1;
        countdown->Down();
        countdown = nullptr;
      });
    }
    scenario.AtEnd([state] { Require(state->over == 1, "it is over once"); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

// The waiter ends what it waits at as soon as the value is there.
template <class H>
void HandOver(Scenario& scenario) {
  auto* handover = new H;
  scenario.Thread("waits", [handover] {
    Require(handover->Take() == 7, "it is what was put");
    delete handover;
  });
  scenario.Thread("puts", [handover] { handover->Put(7); });
}

enum class Wrong { nowhere, signals_after_the_lock, waits_without_looking };

template <Wrong wrong>
class SmallHandover {
 public:
  void Put(int value) {
    {
      MutexLock lock(mutex_);
      value_ = value;
      if (wrong != Wrong::signals_after_the_lock) changed_.SignalOne();
    }
    if (wrong == Wrong::signals_after_the_lock) changed_.SignalOne();
  }
  int Take() {
    MutexLock lock(mutex_);
    if (wrong == Wrong::waits_without_looking) changed_.Wait(mutex_);
    while (value_ == 0) changed_.Wait(mutex_);
    return value_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int value_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(OutcomesInterleaved, AHandoverMayEndAsSoonAsItsValueIsThere) {
  const Exploration all = ExploreAndTell("a handover", HandOver<Handover<int>>);
  EXPECT_TRUE(all.ok()) << all.failure;
  const Exploration right = ExploreAndTell("a handover, small", HandOver<SmallHandover<Wrong::nowhere>>);
  EXPECT_TRUE(right.ok()) << right.failure;
}

TEST(OutcomesInterleaved, WrongHandoversAreFound) {
  const Exploration late = ExploreAndTell("signals after the lock", HandOver<SmallHandover<Wrong::signals_after_the_lock>>);
  EXPECT_THAT(late.failure, HasSubstr("puts touches what was destroyed"));
  const Exploration blind = ExploreAndTell("waits without looking", HandOver<SmallHandover<Wrong::waits_without_looking>>);
  EXPECT_THAT(blind.failure, HasSubstr("nobody can go on:\n  waits"));
}

TEST(OutcomesInterleaved, ASyncWaitersOutcomeIsWhatTheLoopTold) {
  for (const bool replies : {true, false}) {
    const Exploration all = ExploreAndTell("a blocking caller", [replies](Scenario& scenario) {
      auto waiter = std::make_shared<std::unique_ptr<SyncWaiter>>(std::make_unique<SyncWaiter>());
      SyncWaiter* borrowed = waiter->get();
      scenario.Thread("caller", [waiter, replies] {
        Require((*waiter)->Wait().ok() == replies, "it is the outcome");
        waiter->reset();
      });
      scenario.Thread("loop", [borrowed, replies] {
        if (replies) return borrowed->OnReply(Reply());
        borrowed->OnFailure(MsgId(), absl::DeadlineExceededError("late"));
      });
    });
    EXPECT_TRUE(all.ok()) << all.failure;
  }
}

// Two tasks, each of which goes on on a thread of its own; whoever awaits both goes on once, on one of these.
TEST(OutcomesInterleaved, WhoAwaitsTwoTasksGoesOnOnceBothHaveEnded) {
  struct Hop {
    Handover<std::coroutine_handle<>>& to;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) const { to.Put(coroutine); }
    void await_resume() const noexcept {}
  };
  struct State {
    std::array<Handover<std::coroutine_handle<>>, 2> hops;
  };
  const Exploration all = ExploreAndTell("two tasks", [](Scenario& scenario) {
    auto state = std::make_shared<State>();
    const auto task = [](State& shared, size_t number) -> Task<size_t> {
      Hop hop{shared.hops[number]};
      co_await Hop{hop};
      co_return number;
    };
    scenario.Thread("awaits", [state, task] {
      const auto both = SyncWait(WhenAll(task(*state, 0), task(*state, 1)));
      Require(both.ok() && std::get<0>(*both) == 0 && std::get<1>(*both) == 1, "both have their results");
    });
    for (size_t i = 0; i < 2; ++i) {
      scenario.Thread("resumes", [state, i] { state->hops[i].Take().resume(); });
    }
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

}  // namespace
}  // namespace rain
