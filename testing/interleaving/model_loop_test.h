// ModelLoop: a loop as UvLoop is one, but without descriptors, and with a wake-up that is modelled: so its turns can be explored.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include "listenrain/framework/helm.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/loop_core.h"
#include "listenrain/framework/mutex.h"

namespace rain {

// What wakes a loop, as uv_async_t does: a ring that comes before the sleep ends that.
class Alarm {
 public:
  void Ring() {
    MutexLock lock(mutex_);
    rings_ = true;
    changed_.SignalOne();
  }
  // Until it rings, or `deadline`.
  void Sleep(Instant deadline) {
    MutexLock lock(mutex_);
    while (!rings_ && SystemClock().Now() < deadline) {
      if (deadline.infinite()) {
        changed_.Wait(mutex_);
      } else {
        changed_.WaitUntil(mutex_, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline.nanoseconds)));
      }
    }
    rings_ = false;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool rings_ ABSL_GUARDED_BY(mutex_) = false;
};

// Its turns are those of transports/threaded_uv_loop.cc: a look that waits for nothing, and where that found nothing, a sleep.
class ModelLoop final : public Loop {
 public:
  ModelLoop() : core_(SystemClock(), 1) {}

  void Run(absl::AnyInvocable<void() &&> task) override {
    if (core_.Post(std::move(task))) Wake();
  }
  int concurrency() const override { return 1; }
  bool InLoop() const override { return core_.baton().HeldHere(); }
  const Clock& clock() const override { return core_.clock(); }
  Instant now() const override { return core_.now(); }
  uint64_t Random() override { return core_.Random(); }
  TimerHeap& timers() override { return core_.timers(); }
  void AtTurnEnd(TurnTask& task) override { core_.turn_ends().Add(task); }
  void InNextTurn(TurnTask& task) override {
    if (core_.InNextTurn(task)) Wake();
  }
  bool RunTurn(Instant deadline) override {
    if (InLoop() || !core_.baton().Acquire(deadline, [this] { alarm_.Ring(); })) return false;
    Turn(deadline);
    core_.baton().Release();
    return true;
  }
  Helm* helm() override { return &helm_; }
  void Drive(absl::FunctionRef<bool()> wanted) noexcept override {
    const auto take = [this] { core_.baton().Acquire(Instant::Infinite(), [this] { alarm_.Ring(); }); };
    take();
    if (!wanted() && helm_.lends()) Look();
    while (wanted()) {
      Turn(Instant::Infinite());
      if (!core_.baton().wanted()) continue;
      core_.baton().Release();
      take();
    }
    core_.set_asleep(true);
    core_.baton().Release();
  }

  // What the loop's own thread does, until End.
  void ThreadMain() {
    for (;;) {
      helm_.AwaitOwn();
      core_.baton().Acquire(Instant::Infinite(), [] {});
      if (stopping_) break;
      do {
        Turn(Instant::Infinite());
      } while (!core_.baton().wanted());
      core_.baton().Release();
    }
    core_.Shut();
    core_.baton().Release();
  }
  // Thread: any but the loop's.
  void End() {
    core_.baton().Acquire(Instant::Infinite(), [this] { alarm_.Ring(); });
    stopping_ = true;
    core_.baton().Release();
    helm_.Summon();
  }

 private:
  void Wake() {
    alarm_.Ring();
    helm_.Summon();
  }
  void Turn(Instant deadline) {
    if (Look()) return;
    core_.set_asleep(true);
    const Instant until = std::min(core_.NextDeadline(), deadline);
    if (until > core_.now()) alarm_.Sleep(until);
    core_.set_asleep(false);
    core_.Work();
  }
  // False if there was nothing to do.
  bool Look() {
    core_.Refresh();
    const bool due = core_.NextDeadline() <= core_.now();
    return core_.Work() > 0 || due;
  }

  LoopCore core_;
  Helm helm_;
  Alarm alarm_;
  bool stopping_ = false;  // belongs to the baton's holder
};

}  // namespace rain
