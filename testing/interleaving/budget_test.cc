// Room in a queue: what is released is found by whoever waits for it, or tells him; nothing is charged beyond the limits.
#include "listenrain/framework/budget.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/testing/interleaving/explored_test.h"

namespace rain {
namespace {

using testing::HasSubstr;

// A full queue of two packets, both of which are released while somebody waits for room as Transport::WhenRoom does.
template <class B>
void AwaitHalf(Scenario& scenario) {
  struct State final : BudgetEvents {
    Atomic<int> called{0};
    bool found = false;
    B budget{100, 2, *this};
    void OnRoom() override { called.fetch_add(1); }
  };
  auto state = std::make_shared<State>();
  state->budget.ChargeAgain(50);
  state->budget.ChargeAgain(50);
  scenario.Thread("loop", [state] {
    state->budget.Await();
    state->found = state->budget.half_free();
  });
  scenario.Thread("releases", [state] { state->budget.Release(50); });
  scenario.Thread("releases too", [state] { state->budget.Release(50); });
  scenario.AtEnd([state] {
    Require(state->found || state->called.load() > 0, "who awaits room finds it, or is called");
    Require(state->called.load() <= 1, "one Await is called once");
    Require(state->budget.bytes() == 0 && state->budget.packets() == 0, "nothing is charged in the end");
  });
}

// As Transport::TakeRoom, called by the loop when somebody comes to wait, and whenever it is told of room.
template <class B>
struct Waiting final : BudgetEvents {
  Atomic<bool> called{false};
  bool taken = false;
  B budget{100, 1, *this};

  void OnRoom() override { called.store(true); }
  void TakeRoom() {
    if (taken) return;
    budget.Await();
    taken = budget.ChargeWaiting(60);
  }
  // What the loop does until nobody calls it any more.
  void RunCalls() {
    while (called.exchange(false)) TakeRoom();
  }
};

template <class B>
void OneWaits(Scenario& scenario) {
  auto state = std::make_shared<Waiting<B>>();
  state->budget.ChargeAgain(80);
  scenario.Thread("loop", [state] {
    Require(state->budget.BeginWaiting(60), "it would fit");
    state->TakeRoom();
    state->RunCalls();
  });
  scenario.Thread("releases", [state] { state->budget.Release(80); });
  scenario.AtEnd([state] {
    state->RunCalls();  // a call that came after the loop's last look
    Require(state->taken, "who waits for room gets it");
    Require(state->budget.waiting() == 0 && state->budget.bytes() == 60, "and waits no more");
  });
}

template <class B>
void OneGivesUpAndOneCharges(Scenario& scenario) {
  auto state = std::make_shared<Waiting<B>>();
  auto charged = std::make_shared<int>(0);
  state->budget.ChargeAgain(80);
  Require(state->budget.BeginWaiting(60) && state->budget.BeginWaiting(100), "both would fit");
  state->budget.Await();
  scenario.Thread("loop", [state] {
    state->TakeRoom();
    state->RunCalls();
  });
  scenario.Thread("gives up", [state] { state->budget.EndWaiting(); });
  scenario.Thread("releases and asks", [state, charged] {
    state->budget.Release(80);
    *charged = state->budget.Charge(10).ok() ? 1 : 0;
  });
  scenario.AtEnd([state, charged] {
    if (*charged == 1) state->budget.Release(10);
    state->RunCalls();
    Require(state->taken, "who waits for room gets it");
    Require(state->budget.waiting() == 0 && state->budget.bytes() == 60 && state->budget.packets() == 1, "and waits no more");
  });
}

TEST(BudgetInterleaved, WhoAwaitsRoomFindsItOrIsCalled) {
  const Exploration half = ExploreAndTell("await half", AwaitHalf<Budget>);
  EXPECT_TRUE(half.ok()) << half.failure;
  const Exploration one = ExploreAndTell("one waits for room", OneWaits<Budget>);
  EXPECT_TRUE(one.ok()) << one.failure;
  const Exploration two = ExploreAndTell("one gives up, one charges", OneGivesUpAndOneCharges<Budget>);
  EXPECT_TRUE(two.ok()) << two.failure;
}

TEST(BudgetInterleaved, WhatIsGrantedNeverExceedsTheLimits) {
  const Exploration all = ExploreAndTell("three charge", [](Scenario& scenario) {
    struct State final : BudgetEvents {
      Atomic<size_t> granted{0};
      Budget budget{100, 2, *this};
      void OnRoom() override {}
    };
    auto state = std::make_shared<State>();
    for (const size_t bytes : {size_t{40}, size_t{60}, size_t{50}}) {
      scenario.Thread("charges " + std::to_string(bytes), [state, bytes] {
        if (!state->budget.Charge(bytes).ok()) return;
        Require(state->granted.fetch_add(bytes) + bytes <= 100, "no more is granted than there is");
        state->granted.fetch_sub(bytes);
        state->budget.Release(bytes);
      });
    }
    scenario.AtEnd([state] {
      Require(state->budget.bytes() == 0 && state->budget.packets() == 0, "nothing is charged in the end");
      Require(state->budget.Charge(100).ok(), "all of it may be had");
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

enum class Wrong { nowhere, looks_before_it_subtracts, awaits_after_its_look, calls_twice };

// The part of Budget that is explored here, right or wrong.
template <Wrong wrong>
class SmallBudget {
 public:
  SmallBudget(size_t max_bytes, size_t, BudgetEvents& events) : max_bytes_(max_bytes), events_(events) {}

  void ChargeAgain(size_t bytes) { bytes_.fetch_add(bytes); }
  void Release(size_t bytes) {
    const bool awaited_before = wrong == Wrong::looks_before_it_subtracts && awaited_.exchange(false);
    bytes_.fetch_sub(bytes);
    if (wrong == Wrong::looks_before_it_subtracts) return awaited_before ? events_.OnRoom() : void();
    if (!awaited_.load()) return;
    if (wrong == Wrong::calls_twice) {
      awaited_.store(false);
      events_.OnRoom();
    } else if (awaited_.exchange(false)) {
      events_.OnRoom();
    }
  }
  void Await() {
    if (wrong != Wrong::awaits_after_its_look) awaited_.store(true);
  }
  bool half_free() {
    const bool free = bytes_.load() <= max_bytes_ / 2;
    if (wrong == Wrong::awaits_after_its_look) awaited_.store(true);
    return free;
  }
  size_t bytes() const { return bytes_.load(); }
  size_t packets() const { return 0; }

 private:
  const size_t max_bytes_;
  BudgetEvents& events_;
  Atomic<size_t> bytes_{0};
  Atomic<bool> awaited_{false};
};

TEST(BudgetInterleaved, WrongOnesAreFound) {
  const Exploration right = ExploreAndTell("await half, small", AwaitHalf<SmallBudget<Wrong::nowhere>>);
  EXPECT_TRUE(right.ok()) << right.failure;
  const Exploration early = ExploreAndTell("looks before it subtracts", AwaitHalf<SmallBudget<Wrong::looks_before_it_subtracts>>);
  EXPECT_THAT(early.failure, HasSubstr("who awaits room finds it, or is called"));
  const Exploration late = ExploreAndTell("awaits after its look", AwaitHalf<SmallBudget<Wrong::awaits_after_its_look>>);
  EXPECT_THAT(late.failure, HasSubstr("who awaits room finds it, or is called"));
  const Exploration twice = ExploreAndTell("calls twice", AwaitHalf<SmallBudget<Wrong::calls_twice>>);
  EXPECT_THAT(twice.failure, HasSubstr("one Await is called once"));
}

}  // namespace
}  // namespace rain
