// The search itself: that it runs every schedule and no other, and finds what it should.
#include <array>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/handover.h"
#include "listenrain/framework/interleaved.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/testing/interleaving.h"
#include "listenrain/testing/scale.h"
#include "listenrain/testing/unseen.h"

namespace rain {
namespace {

using testing::HasSubstr;

// So many threads, each of which does so many steps, all to one object or each to one of its own.
std::function<void(Scenario&)> Steps(std::vector<size_t> steps, bool one_object) {
  return [steps = std::move(steps), one_object](Scenario& scenario) {
    auto objects = std::make_shared<std::array<interleaved::Atomic<int>, 8>>();
    for (size_t i = 0; i < steps.size(); ++i) {
      scenario.Thread("thread " + std::to_string(i), [objects, i, one_object, count = steps[i]] {
        for (size_t step = 0; step < count; ++step) (*objects)[one_object ? 0 : i].fetch_add(1);
      });
    }
  };
}

TEST(Explore, RunsAsManySchedulesAsThereAre) {
  EXPECT_EQ(Explore(Steps({3}, true)).schedules, 1u);
  EXPECT_EQ(Explore(Steps({1, 1}, true)).schedules, 2u);
  EXPECT_EQ(Explore(Steps({3, 3}, true)).schedules, 20u);        // 6! / (3! 3!)
  EXPECT_EQ(Explore(Steps({2, 2, 2}, true)).schedules, 90u);     // 6! / (2! 2! 2!)
  EXPECT_EQ(Explore(Steps({5, 4}, true)).schedules, 126u);       // 9! / (5! 4!)
  EXPECT_EQ(Explore(Steps({4, 4, 2}, true)).schedules, 3150u);   // 10! / (4! 4! 2!)
  EXPECT_EQ(Explore(Steps({1, 1, 1, 1}, true)).schedules, 24u);  // 4!
}

TEST(Explore, OfStepsToDifferentObjectsOneOrderIsEnough) {
  EXPECT_EQ(Explore(Steps({3, 3}, false)).schedules, 1u);
  EXPECT_EQ(Explore(Steps({3, 3}, false), {.reduce = false}).schedules, 20u);
  EXPECT_EQ(Explore(Steps({2, 2, 2}, false), {.reduce = false}).schedules, 90u);
}

TEST(Explore, WithoutPreemptionsThreadsRunOneAfterAnother) {
  EXPECT_EQ(Explore(Steps({3, 3}, true), {.max_preemptions = 0}).schedules, 2u);
  EXPECT_EQ(Explore(Steps({2, 2, 2}, true), {.max_preemptions = 0}).schedules, 6u);
  EXPECT_EQ(Explore(Steps({3, 3}, true), {.max_preemptions = 1}).schedules, 2u + 4u);
  EXPECT_EQ(Explore(Steps({3, 3}, true), {.max_preemptions = 6}).schedules, 20u);
}

// A small program by chance: threads that add to two counters and read them, some under a lock, wait and signal.
class Program {
 public:
  explicit Program(uint32_t seed) {
    std::minstd_rand chance(seed);
    for (const size_t thread : {0u, 0u, 1u, 1u, 2u}) threads_[thread].push_back(static_cast<int>(chance() % 8));
  }

  // What its threads may read, of all schedules.
  std::set<std::string> Outcomes(bool reduce, size_t& schedules) const {
    std::set<std::string> outcomes;
    const Exploration all = Explore([&](Scenario& scenario) { SetUp(scenario, outcomes); }, {.reduce = reduce});
    EXPECT_TRUE(all.ok()) << all.failure;
    schedules += all.schedules;
    return outcomes;
  }

 private:
  struct State {
    interleaved::Mutex mutex;
    interleaved::CondVar changed;
    std::array<interleaved::Atomic<int>, 2> counters;
    std::array<std::string, 3> read;
  };

  void SetUp(Scenario& scenario, std::set<std::string>& outcomes) const {
    auto state = std::make_shared<State>();
    for (size_t thread = 0; thread < threads_.size(); ++thread) {
      scenario.Thread(std::to_string(thread), [this, state, thread] {
        for (const int step : threads_[thread]) Do(step, *state, state->read[thread]);
      });
    }
    scenario.AtEnd([state, &outcomes] { outcomes.insert(state->read[0] + "|" + state->read[1] + "|" + state->read[2]); });
  }
  static void Do(int step, State& state, std::string& read) {
    interleaved::Atomic<int>& counter = state.counters[static_cast<size_t>(step % 2)];
    if (step < 2) {
      counter.store(counter.load() * 2 + 1);
    } else if (step < 4) {
      read += std::to_string(counter.load());
    } else if (step < 6) {
      interleaved::MutexLock lock(state.mutex);
      read += std::to_string(counter.fetch_add(1));
    } else if (step == 6) {
      interleaved::MutexLock lock(state.mutex);
      state.changed.WaitUntil(state.mutex, std::chrono::steady_clock::time_point(std::chrono::hours(2)));
      read += TimeNow() < std::chrono::steady_clock::time_point(std::chrono::hours(2)) ? "signalled" : "late";
    } else {
      state.changed.SignalOne();
    }
  }

  std::array<std::vector<int>, 3> threads_;
};

TEST(Explore, WhatItLeavesOutLeadsToNothingNew) {
  size_t reduced = 0;
  size_t all = 0;
  for (uint32_t seed = 1; seed <= static_cast<uint32_t>(Scaled(20, 5, 2000)); ++seed) {
    const Program program(seed);
    EXPECT_EQ(program.Outcomes(true, reduced), program.Outcomes(false, all)) << "seed " << seed;
  }
  EXPECT_LT(3 * reduced, all);
}

TEST(Explore, FindsALostUpdateAndCanRepeatIt) {
  const auto lossy = [](Scenario& scenario) {
    auto counter = std::make_shared<interleaved::Atomic<int>>();
    for (const char* name : {"one", "other"}) scenario.Thread(name, [counter] { counter->store(counter->load() + 1); });
    scenario.AtEnd([counter] { Require(counter->load() == 2, "both were counted"); });
  };
  const Exploration found = Explore(lossy);
  EXPECT_THAT(found.failure, HasSubstr("both were counted"));
  EXPECT_THAT(found.failure, HasSubstr("1. "));
  EXPECT_THAT(found.failure, HasSubstr("explore_test.cc:"));
  ASSERT_EQ(found.choices.size(), 4u);
  const Exploration again = Explore(lossy, {.replay = found.choices});
  EXPECT_EQ(again.failure, found.failure);
  EXPECT_EQ(again.schedules, 1u);
  EXPECT_TRUE(Explore(lossy, {.replay = std::vector<size_t>{0, 0, 1, 1}}).ok());
  EXPECT_THAT(Explore(lossy, {.replay = std::vector<size_t>{0, 0, 0}}).failure, HasSubstr("another scenario"));
}

TEST(Explore, FindsADeadlockAndSaysWhoStandsWhere) {
  if (kUnderThreadSanitizer) GTEST_SKIP() << "this is as wrong as ThreadSanitizer says";
  const Exploration found = Explore([](Scenario& scenario) {
    auto mutexes = std::make_shared<std::array<interleaved::Mutex, 2>>();
    for (const size_t first : {size_t{0}, size_t{1}}) {
      scenario.Thread("begins with " + std::to_string(first), [mutexes, first] {
        interleaved::MutexLock lock((*mutexes)[first]);
        interleaved::MutexLock other((*mutexes)[1 - first]);
      });
    }
  });
  EXPECT_THAT(found.failure, HasSubstr("nobody can go on:\n  begins with 0, which locks object"));
  EXPECT_THAT(found.failure, HasSubstr("\n  begins with 1, which locks object"));
}

TEST(Explore, FindsASignalThatComesBeforeTheWait) {
  struct Flag {
    interleaved::Mutex mutex;
    interleaved::CondVar changed;
    interleaved::Atomic<bool> set{false};
  };
  const auto waiting = [](bool signals_under_the_lock) {
    return [signals_under_the_lock](Scenario& scenario) {
      const auto flag = std::make_shared<Flag>();
      scenario.Thread("waiter", [flag] {
        interleaved::MutexLock lock(flag->mutex);
        while (!flag->set.load()) flag->changed.Wait(flag->mutex);
      });
      scenario.Thread("setter", [flag, signals_under_the_lock] {
        const auto set = [flag] {
          flag->set.store(true);
          flag->changed.SignalOne();
        };
        if (!signals_under_the_lock) return set();
        interleaved::MutexLock lock(flag->mutex);
        set();
      });
    };
  };
  EXPECT_TRUE(Explore(waiting(true)).ok());
  EXPECT_THAT(Explore(waiting(false)).failure, HasSubstr("nobody can go on:\n  waiter, which is through waiting"));
}

// The signal may go to either.
TEST(Explore, OneSignalWakesAnyOneOfThoseWhoWait) {
  struct State {
    interleaved::Mutex mutex;
    interleaved::CondVar changed;
    int waiting = 0;
    int tickets = 0;
    std::string order;
  };
  std::set<std::string> orders;
  const Exploration all = Explore([&orders](Scenario& scenario) {
    auto state = std::make_shared<State>();
    for (const char* name : {"a", "b"}) {
      scenario.Thread(name, [state, name] {
        interleaved::MutexLock lock(state->mutex);
        ++state->waiting;
        while (state->tickets == 0) state->changed.Wait(state->mutex);
        --state->tickets;
        state->order += name;
      });
    }
    scenario.Thread("giver", [state] {
      for (int i = 0; i < 2; ++i) {
        interleaved::MutexLock lock(state->mutex);
        ++state->tickets;
        if (state->waiting == 2) state->order += "!";
        state->changed.SignalOne();
      }
    });
    scenario.AtEnd([state, &orders] { orders.insert(state->order); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
  EXPECT_THAT(orders, testing::IsSupersetOf({"!!ab", "!!ba", "ab", "ba"}));
}

TEST(Explore, ADeadlineComesAtEveryMomentWhereAThreadLetsItCome) {
  using Time = std::chrono::steady_clock::time_point;
  struct State {
    interleaved::Mutex mutex;
    interleaved::CondVar changed;
    bool set = false;
  };
  for (const bool time_passes : {false, true}) {
    std::set<bool> outcomes;
    const Exploration all = Explore([&outcomes, time_passes](Scenario& scenario) {
      auto state = std::make_shared<State>();
      const Time deadline{std::chrono::hours(2)};
      scenario.Thread("waiter", [state, &outcomes, deadline] {
        interleaved::MutexLock lock(state->mutex);
        while (!state->set && TimeNow() < deadline) {
          state->changed.WaitUntil(state->mutex, deadline);
        }
        outcomes.insert(state->set);
      });
      scenario.Thread("setter", [state] {
        interleaved::MutexLock lock(state->mutex);
        state->set = true;
        state->changed.SignalAll();
      });
      if (time_passes) scenario.Thread("time", [deadline] { PassTime(deadline); });
    });
    EXPECT_TRUE(all.ok()) << all.failure;
    EXPECT_EQ(outcomes, time_passes ? std::set<bool>({false, true}) : std::set<bool>({true}));
  }
}

// Where nobody else can go on, the deadline comes: that is no deadlock.
TEST(Explore, TimePassesWhereEverybodyWaitsForIt) {
  const Exploration all = Explore([](Scenario& scenario) {
    auto mutex = std::make_shared<interleaved::Mutex>();
    auto never = std::make_shared<interleaved::CondVar>();
    scenario.Thread("waiter", [mutex, never] {
      interleaved::MutexLock lock(*mutex);
      never->WaitUntil(*mutex, std::chrono::steady_clock::time_point(std::chrono::hours(5)));
      Require(TimeNow() == std::chrono::steady_clock::time_point(std::chrono::hours(5)), "it is time");
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(Explore, FindsATouchOfWhatIsDestroyed) {
  if (kUnderThreadSanitizer) GTEST_SKIP() << "this is as wrong as ThreadSanitizer says";
  const Exploration found = Explore([](Scenario& scenario) {
    struct Shared {
      interleaved::Atomic<int> references{2};
      interleaved::Atomic<int> value;
    };
    auto* shared = new Shared;
    for (const char* name : {"one", "other"}) {
      scenario.Thread(name, [shared] {
        const bool last = shared->references.fetch_sub(1) == 1;
        if (last) delete shared;
        if (!last) shared->value.store(1);  // too late
      });
    }
  });
  EXPECT_THAT(found.failure, HasSubstr("touches what was destroyed"));
}

TEST(Explore, FindsASpinWithoutEnd) {
  const Exploration found = Explore([](Scenario& scenario) {
    auto flag = std::make_shared<interleaved::Atomic<bool>>();
    scenario.Thread("spins", [flag] {
      while (!flag->load()) {
      }
    });
    scenario.Thread("sets", [flag] { flag->store(true); });
  });
  EXPECT_THAT(found.failure, HasSubstr("no end after 2000 steps"));
}

TEST(Explore, TellsWhatABodyThrows) {
  const Exploration found =
      Explore([](Scenario& scenario) { scenario.Thread("careless", [] { throw std::runtime_error("by mistake"); }); });
  EXPECT_THAT(found.failure, HasSubstr("careless threw: by mistake"));
}

TEST(Explore, RefusesAScenarioThatIsNotTheSameEachTime) {
  int runs = 0;
  const Exploration found = Explore([&runs](Scenario& scenario) {
    auto objects = std::make_shared<std::array<interleaved::Atomic<int>, 2>>();
    const bool more = ++runs > 1;
    scenario.Thread("one", [objects, more] {
      (*objects)[0].store(1);
      if (!more) (*objects)[0].store(1);
    });
    scenario.Thread("other", [objects] { (*objects)[0].store(1); });
  });
  EXPECT_THAT(found.failure, HasSubstr("not the same each time"));
  EXPECT_THAT(Explore([](Scenario&) {}).failure, HasSubstr("one thread to eight"));
  EXPECT_THAT(Explore(Steps({9, 9}, true), {.max_schedules = 100}).failure, HasSubstr("no end after 100 schedules"));
}

// The framework's own are these, here.
TEST(Explore, TheFrameworkIsCompiledForIt) {
  static_assert(std::is_same_v<Mutex, interleaved::Mutex>);
  const Exploration all = Explore([](Scenario& scenario) {
    auto handover = std::make_shared<Handover<int>>();
    scenario.Thread("gives", [handover] { handover->Put(7); });
    scenario.Thread("takes", [handover] { Require(handover->Take() == 7, "it is what was given"); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
  EXPECT_EQ(all.schedules, 2u);  // who waits, and who need not
}

}  // namespace
}  // namespace rain
