// Loop: runs one turn after another on whichever thread holds its baton. Owns time, chance and timers for what lives on it.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/timer_heap.h"

namespace rain {

class Helm;

// Work for the end of this turn or for the next one, embedded in what asks for it: costs less than a task of Run's. Thread: loop.
class TurnTask {
 public:
  TurnTask() = default;
  TurnTask(const TurnTask&) = delete;
  TurnTask& operator=(const TurnTask&) = delete;

 protected:
  virtual ~TurnTask();  // withdraws itself
  bool waiting() const { return next_ != nullptr; }
  // Asks no more.
  void Withdraw();
  // Withdrawn already: may ask again (at a turn's end it then runs in the same one, after the others). Must not throw.
  virtual void OnTurn() = 0;
  // The loop is no more, and this still waited.
  virtual void OnForgotten() {}

 private:
  friend class TurnList;
  TurnTask* next_ = nullptr;
  TurnTask* previous_ = nullptr;
};

// Run: thread any; the task runs in a later turn, in the order of the calls. concurrency() is 1. Turns run on the loop's own
// thread, if it has one, or on that of whoever drives it (RunTurn, Drive).
class Loop : public Executor {
 public:
  Loop* loop() final { return this; }

  // True if the calling thread holds the baton: it may touch whatever lives on the loop. Thread: any.
  virtual bool InLoop() const = 0;

  // Thread: any for clock(); loop for the rest.
  virtual const Clock& clock() const = 0;
  // The time this turn began, or a little later: cheaper than clock().Now().
  virtual Instant now() const = 0;
  virtual uint64_t Random() = 0;
  virtual TimerHeap& timers() = 0;
  // Borrowed until it ran or was destroyed. No effect if it already waits, be it for the other of the two.
  virtual void AtTurnEnd(TurnTask& task) = 0;
  virtual void InNextTurn(TurnTask& task) = 0;

  // Takes the baton and runs one turn: waits for something to do, at most until `deadline`, does it, and gives the baton back.
  // False if the baton could not be had by `deadline`, or others may not drive this loop. Thread: any that does not hold it.
  virtual bool RunTurn(Instant deadline) = 0;

  // True while it looks for more to do for a while before it sleeps: what comes then is dealt with at once. Thread: loop.
  virtual bool wakeful() const { return false; }

  // Who drives this loop: its own thread, or callers that wait for it. Null: these may not. Thread: any.
  virtual Helm* helm() { return nullptr; }
  // Takes the baton and runs turns as long as `wanted`, which is asked in the loop before each of them; if it never is, one that
  // does not wait. In between others get the baton who want it. Thread: the one that has the helm.
  virtual void Drive(absl::FunctionRef<bool()> wanted) noexcept;
};

}  // namespace rain
