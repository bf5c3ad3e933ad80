#include "listenrain/framework/timer_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "listenrain/framework/callback_timer_test.h"

namespace rain {
namespace {

using testing::ElementsAre;

constexpr Instant At(int64_t nanoseconds) { return {nanoseconds}; }

// Writes its number down when it fires.
class TimerHeapTest : public testing::Test {
 protected:
  std::function<void()> Note(int number) {
    return [this, number] { fired_.push_back(number); };
  }

  TimerHeap heap_;
  std::vector<int> fired_;
};

TEST_F(TimerHeapTest, FiresWhatIsDueEarliestFirst) {
  CallbackTimer a(Note(1)), b(Note(2)), c(Note(3)), d(Note(4));
  heap_.Arm(a, At(30));
  heap_.Arm(b, At(10));
  heap_.Arm(c, At(20));
  heap_.Arm(d, At(31));
  EXPECT_EQ(heap_.FireDue(At(30)), 3u);
  EXPECT_THAT(fired_, ElementsAre(2, 3, 1));
  EXPECT_FALSE(a.armed());
  EXPECT_TRUE(d.armed());
  EXPECT_EQ(heap_.next(), At(31));
}

TEST_F(TimerHeapTest, IsNeverEarly) {
  CallbackTimer timer(Note(1));
  heap_.Arm(timer, At(100));
  EXPECT_EQ(heap_.FireDue(At(99)), 0u);
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(heap_.FireDue(At(100)), 1u);
  EXPECT_EQ(heap_.FireDue(At(100)), 0u);
}

TEST_F(TimerHeapTest, NextIsInfiniteWhenNothingIsArmed) {
  EXPECT_TRUE(heap_.next().infinite());
  CallbackTimer timer(Note(1));
  heap_.Arm(timer, Instant::Infinite());
  EXPECT_TRUE(heap_.next().infinite());
  EXPECT_EQ(heap_.size(), 1u);
  EXPECT_EQ(heap_.FireDue(At(INT64_MAX - 1)), 0u);
}

TEST_F(TimerHeapTest, EqualDeadlinesFireInTheOrderOfArming) {
  std::vector<std::unique_ptr<CallbackTimer>> timers;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    timers.push_back(std::make_unique<CallbackTimer>(Note(i)));
    heap_.Arm(*timers.back(), At(5));
    if (i != 50) order.push_back(i);
  }
  heap_.Arm(*timers[50], At(5));  // moved: it is armed last now
  order.push_back(50);
  EXPECT_EQ(heap_.FireDue(At(5)), 100u);
  EXPECT_EQ(fired_, order);
}

TEST_F(TimerHeapTest, ArmingAgainMovesTheDeadlineBothWays) {
  CallbackTimer a(Note(1)), b(Note(2));
  heap_.Arm(a, At(10));
  heap_.Arm(b, At(20));
  heap_.Arm(a, At(30));
  EXPECT_EQ(heap_.next(), At(20));
  heap_.Arm(a, At(5));
  EXPECT_EQ(heap_.next(), At(5));
  EXPECT_EQ(heap_.size(), 2u);
}

TEST_F(TimerHeapTest, ArmingInAnotherHeapLeavesTheFirst) {
  TimerHeap other;
  CallbackTimer timer(Note(1));
  heap_.Arm(timer, At(10));
  other.Arm(timer, At(20));
  EXPECT_EQ(heap_.size(), 0u);
  heap_.Cancel(timer);  // not its heap: no effect
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(other.FireDue(At(20)), 1u);
}

TEST_F(TimerHeapTest, CancelOfWhatIsNotArmedHasNoEffect) {
  CallbackTimer timer(Note(1));
  heap_.Cancel(timer);
  heap_.Arm(timer, At(10));
  heap_.Cancel(timer);
  heap_.Cancel(timer);
  EXPECT_EQ(heap_.FireDue(At(10)), 0u);
}

TEST_F(TimerHeapTest, CancelInsideACallbackOfTheSameTurn) {
  CallbackTimer later(Note(2));
  CallbackTimer first([&] {
    fired_.push_back(1);
    heap_.Cancel(later);
  });
  heap_.Arm(first, At(10));
  heap_.Arm(later, At(10));
  EXPECT_EQ(heap_.FireDue(At(10)), 1u);
  EXPECT_THAT(fired_, ElementsAre(1));
  EXPECT_FALSE(later.armed());
}

TEST_F(TimerHeapTest, DestroyingATimerInsideACallbackOfTheSameTurn) {
  auto later = std::make_unique<CallbackTimer>(Note(2));
  CallbackTimer first([&] { later = nullptr; });
  heap_.Arm(first, At(10));
  heap_.Arm(*later, At(10));
  EXPECT_EQ(heap_.FireDue(At(10)), 1u);
  EXPECT_THAT(fired_, ElementsAre());
}

TEST_F(TimerHeapTest, ATimerMayDestroyItselfInItsCallback) {
  struct Ends final : Timer {
    explicit Ends(std::unique_ptr<Ends>& owner) : own(owner) {}
    void OnTimer() override { own = nullptr; }
    std::unique_ptr<Ends>& own;
  };
  std::unique_ptr<Ends> ends;
  ends = std::make_unique<Ends>(ends);
  heap_.Arm(*ends, At(10));
  EXPECT_EQ(heap_.FireDue(At(10)), 1u);
  EXPECT_EQ(ends, nullptr);
}

TEST_F(TimerHeapTest, WhatACallbackArmsFiresNextTimeAtTheEarliest) {
  CallbackTimer inner(Note(2));
  CallbackTimer outer([&] {
    EXPECT_FALSE(outer.armed());
    heap_.Arm(outer, At(50));
    heap_.Arm(inner, At(10));
  });
  heap_.Arm(outer, At(10));
  EXPECT_EQ(heap_.FireDue(At(10)), 1u);
  EXPECT_THAT(fired_, ElementsAre());
  EXPECT_EQ(heap_.FireDue(At(10)), 1u);
  EXPECT_THAT(fired_, ElementsAre(2));
  EXPECT_EQ(heap_.next(), At(50));
}

// One that is always due must not keep the others from firing.
TEST_F(TimerHeapTest, ATimerThatArmsItselfInThePastHoldsUpNoOther) {
  CallbackTimer greedy([&] {
    fired_.push_back(1);
    heap_.Arm(greedy, At(0));
  });
  CallbackTimer other(Note(2)), another(Note(3));
  heap_.Arm(greedy, At(10));
  heap_.Arm(other, At(20));
  heap_.Arm(another, At(30));
  EXPECT_EQ(heap_.FireDue(At(30)), 3u);
  EXPECT_THAT(fired_, ElementsAre(1, 2, 3));
  EXPECT_EQ(heap_.next(), At(30));
  EXPECT_EQ(heap_.FireDue(At(30)), 1u);
}

TEST_F(TimerHeapTest, DestroyingAnArmedTimerTakesItOut) {
  CallbackTimer stays(Note(1));
  heap_.Arm(stays, At(20));
  {
    CallbackTimer goes(Note(2));
    heap_.Arm(goes, At(10));
    EXPECT_EQ(heap_.next(), At(10));
  }
  EXPECT_EQ(heap_.next(), At(20));
  EXPECT_EQ(heap_.FireDue(At(20)), 1u);
  EXPECT_THAT(fired_, ElementsAre(1));
}

TEST_F(TimerHeapTest, DestroyingTheHeapDisarmsSilently) {
  CallbackTimer timer(Note(1));
  {
    TimerHeap heap;
    heap.Arm(timer, At(10));
  }
  EXPECT_FALSE(timer.armed());
  EXPECT_THAT(fired_, ElementsAre());
}

// Against the obvious: a sorted map from deadline and order of arming.
class Model {
 public:
  using Key = std::pair<int64_t, uint64_t>;
  void Arm(size_t timer, int64_t deadline) {
    Cancel(timer);
    keys_[timer] = armed_.emplace(Key(deadline, order_++), timer).first->first;
  }
  void Cancel(size_t timer) {
    if (const auto key = std::exchange(keys_[timer], std::nullopt)) armed_.erase(*key);
  }
  std::vector<size_t> FireDue(int64_t now) {
    std::vector<size_t> due;
    while (!armed_.empty() && armed_.begin()->first.first <= now) {
      due.push_back(armed_.begin()->second);
      Cancel(due.back());
    }
    return due;
  }
  Instant next() const { return armed_.empty() ? Instant::Infinite() : At(armed_.begin()->first.first); }
  size_t size() const { return armed_.size(); }

 private:
  std::map<Key, size_t> armed_;
  std::map<size_t, std::optional<Key>> keys_;
  uint64_t order_ = 0;
};

TEST(TimerHeap, DoesWhatASortedMapDoes) {
  std::mt19937_64 random(20260101);
  const auto below = [&random](uint64_t bound) { return random() % bound; };
  TimerHeap heap;
  Model model;
  std::vector<size_t> fired;
  std::vector<std::unique_ptr<CallbackTimer>> timers;
  for (size_t i = 0; i < 300; ++i) {
    timers.push_back(std::make_unique<CallbackTimer>([&fired, i] { fired.push_back(i); }));
  }
  int64_t now = 0;
  for (int step = 0; step < 200'000; ++step) {
    const size_t timer = below(timers.size());
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const int64_t deadline = now + static_cast<int64_t>(below(64));  // many are equal
        heap.Arm(*timers[timer], At(deadline));
        model.Arm(timer, deadline);
        break;
      }
      case 4:
      case 5:
        heap.Cancel(*timers[timer]);
        model.Cancel(timer);
        break;
      default:
        now += static_cast<int64_t>(below(3));
        fired.clear();
        const size_t count = heap.FireDue(At(now));
        ASSERT_EQ(count, fired.size());
        ASSERT_EQ(fired, model.FireDue(now)) << "step " << step;
    }
    ASSERT_EQ(heap.size(), model.size());
    ASSERT_EQ(heap.next(), model.next()) << "step " << step;
  }
}

TEST_F(TimerHeapTest, WhatABurstLeftIsGivenBack) {
  class Silent final : public Timer {
    void OnTimer() override {}
  };
  constexpr size_t kBurst = 10'000;
  TimerHeap heap;
  const size_t usual = heap.capacity();
  std::vector<Silent> timers(kBurst);
  for (size_t i = 0; i < kBurst; ++i) heap.Arm(timers[i], At(static_cast<int64_t>(i)));
  const size_t full = heap.capacity();
  heap.Trim();
  EXPECT_EQ(heap.capacity(), full) << "it is used";
  EXPECT_EQ(heap.FireDue(At(kBurst - 101)), kBurst - 100);
  heap.Trim();
  EXPECT_GE(heap.capacity(), 100u);
  EXPECT_LE(heap.capacity(), 400u);
  EXPECT_EQ(heap.next(), At(kBurst - 100));
  EXPECT_EQ(heap.FireDue(At(kBurst)), 100u);
  heap.Trim();
  EXPECT_EQ(heap.capacity(), usual);
}

// A million timers, armed and cancelled in random order. Were either linear, this would take hours.
TEST(TimerHeap, AMillionTimersAreArmedAndCancelledQuickly) {
  class Silent final : public Timer {
    void OnTimer() override {}
  };
  constexpr size_t kTimers = 1'000'000;
  std::vector<Silent> timers(kTimers);
  std::mt19937_64 random(1);
  TimerHeap heap;
  for (Silent& timer : timers) heap.Arm(timer, At(static_cast<int64_t>(random() % kTimers)));
  ASSERT_EQ(heap.size(), kTimers);
  for (size_t i = 0; i < kTimers; i += 2) heap.Cancel(timers[i]);
  ASSERT_EQ(heap.size(), kTimers / 2);
  EXPECT_EQ(heap.FireDue(At(kTimers)), kTimers / 2);
}

}  // namespace
}  // namespace rain
