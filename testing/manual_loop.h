// ManualClock and ManualLoop: time that moves when it is told to, and a loop that turns when it is told to. For tests that are
// the same in every run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/loop_core.h"

namespace rain {

// Thread: any.
class ManualClock final : public Clock {
 public:
  Instant Now() const override { return {now_.load(std::memory_order_acquire)}; }
  // Not before Now().
  void Set(Instant now);
  void Advance(absl::Duration by) { Set(Now() + by); }

 private:
  std::atomic<int64_t> now_{1'000'000'000};
};

// A loop without a thread and without descriptors. The thread that makes it holds its baton, between turns too, and so may touch
// what lives on it at any time; ReleaseBaton lets other threads run turns. Several loops may share one clock.
//
// Nothing here waits: RunTurn does what there is to do now, and time stands still but for the clock's owner and Advance.
class ManualLoop final : public Loop {
 public:
  explicit ManualLoop(std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(), uint64_t seed = 1);
  // Destroys the tasks that did not run.
  ~ManualLoop() override;

  void Run(absl::AnyInvocable<void() &&> task) override;
  int concurrency() const override { return 1; }
  bool InLoop() const override { return core_.baton().HeldHere(); }
  const ManualClock& clock() const override { return *clock_; }
  Instant now() const override { return core_.now(); }
  uint64_t Random() override { return core_.Random(); }
  TimerHeap& timers() override { return core_.timers(); }
  void AtTurnEnd(TurnTask& task) override { core_.turn_ends().Add(task); }
  void InNextTurn(TurnTask& task) override { core_.InNextTurn(task); }
  // Also by the holder of the baton. False at once if another thread holds it.
  bool RunTurn(Instant deadline) override;

  // From here on whoever calls RunTurn holds the baton for that turn only. Thread: loop.
  void ReleaseBaton() { core_.baton().Release(); }

  ManualClock& manual_clock() { return *clock_; }
  // True if a turn would do something now. Thread: loop.
  bool busy();
  // Runs turns until nothing is left to do at this time; false if `max_turns` did not get there.
  bool RunUntilIdle(size_t max_turns = size_t{1} << 20);
  // Lets the time pass: every timer fires at its own deadline, and what follows from it is done before time moves on.
  bool Advance(absl::Duration by);

 private:
  const std::shared_ptr<ManualClock> clock_;
  LoopCore core_;
};

// The same for several loops on one clock: they turn in the order given, one turn each, until none is busy. Thread: the one
// that holds every baton.
bool RunUntilIdle(absl::Span<ManualLoop* const> loops, size_t max_turns = size_t{1} << 20);
bool Advance(absl::Span<ManualLoop* const> loops, absl::Duration by);

}  // namespace rain
