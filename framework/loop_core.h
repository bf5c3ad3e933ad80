// LoopCore: what every loop has beside its way of waiting: the baton, tasks from other threads, timers, what waits for a turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/baton.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/timer_heap.h"

namespace rain {

// Tasks that wait for a turn, or for its end. Thread: loop.
class TurnList {
 public:
  TurnList();
  ~TurnList();  // what waits is forgotten, and told so
  void Add(TurnTask& task);
  bool empty() const;
  // Runs what waits and what is added meanwhile, in order. Returns how many that were.
  size_t RunAll();
  void Swap(TurnList& other) { std::swap(head_, other.head_); }

 private:
  class Head;
  Head* head_;
};

// Thread: loop, but for Post and baton.
class LoopCore {
 public:
  LoopCore(const Clock& clock, uint64_t seed);
  ~LoopCore();  // destroys the tasks that did not run

  Baton& baton() { return baton_; }
  const Baton& baton() const { return baton_; }
  const Clock& clock() const { return clock_; }
  TimerHeap& timers() { return timers_; }
  TurnList& turn_ends() { return turn_ends_; }
  // True if the loop must be woken, as of Post. No effect after Shut.
  bool InNextTurn(TurnTask& task) {
    if (ended_) return false;
    const bool first = next_turn_.empty();
    next_turn_.Add(task);
    return first && asleep_.load(std::memory_order_relaxed);
  }
  uint64_t Random();

  // The time as of the last Refresh or Work.
  Instant now() const { return now_; }
  void Refresh() { now_ = clock_.Now(); }

  using Task = absl::AnyInvocable<void() &&>;
  // Thread: any. True if the loop must be woken: it sleeps, and nothing was waiting before. After Shut the task is destroyed
  // unrun.
  bool Post(Task task);
  // Destroys what waits and all that comes later.
  void Shut();

  // The work of one turn beside its input: what waited for the turn, posted tasks, due timers, turn ends, each once. What tasks
  // throw is logged. Returns how many ran, but for turn ends.
  size_t Work() {
    Refresh();
    return WorkAsOfNow();
  }
  // The same, where now() is as good as new.
  size_t WorkAsOfNow();
  // False: NextDeadline is looked at again before the loop waits for anything, so that who posts need not wake it. A loop that
  // says true looks at it after that. At first it is true.
  void set_asleep(bool asleep) { asleep_.store(asleep); }
  // When Work will have something to do, if nothing happens before: now() if it has already. Infinite() if nothing waits.
  Instant NextDeadline();

 private:
  const Clock& clock_;
  Instant now_;
  uint64_t random_state_;
  Baton baton_;
  TimerHeap timers_;
  TurnList next_turn_;
  TurnList this_turn_;
  TurnList turn_ends_;
  static size_t RunAll(std::vector<Task>& tasks);

  std::vector<Task> running_;
  std::vector<Task> running_of_others_;
  std::vector<Task> own_;  // posted by who holds the baton, while nothing waited in posted_: they come before that
  bool ended_ = false;     // Shut, for who holds the baton
  // The loop stores asleep_ before it reads has_posted_; who posts, the other way round. All in one order (sequentially
  // consistent), so that one of the two sees the other.
  Atomic<bool> has_posted_{false};
  Atomic<bool> asleep_{true};
  Mutex mutex_;
  bool shut_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Task> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
