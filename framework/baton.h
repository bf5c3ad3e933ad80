// Baton: the right to run a loop's turns. One thread holds it at a time; those that wait get it in the order they asked.
#pragma once

#include "absl/functional/function_ref.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/mutex.h"

namespace rain {

// Thread: any. Not re-entrant.
class Baton {
 public:
  // True if the calling thread holds it.
  bool HeldHere() const { return holder_.load(std::memory_order_acquire) == Me(); }

  // True if the calling thread holds any baton: it must not wait for a loop.
  static bool AnyHeldHere();

  // Waits for the baton until `deadline` of the system clock; false if it did not come. `nudge` is called once if there is
  // someone to wait for, so that the holder can be made to end its turn, and then finds the baton wanted.
  bool Acquire(Instant deadline, absl::FunctionRef<void()> nudge);
  // True if somebody waits for it. Thread: the one that holds it.
  bool wanted() const { return first_.load(std::memory_order_relaxed) != nullptr; }
  // To the one who has waited longest. The calling thread must hold it.
  void Release();

 private:
  struct Waiter;
  static const void* Me();

  Mutex mutex_;
  Atomic<const void*> holder_{nullptr};
  Atomic<Waiter*> first_{nullptr};  // written under the lock
  Waiter* last_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace rain
