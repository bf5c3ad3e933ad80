// Helm: who drives a loop: its own thread, or one of the callers that block until the loop has brought what they wait for.
//
// To wake a thread costs more than most calls. So a caller that would only wait takes the helm, and runs the loop's turns itself
// until its outcome is there. Then the one that waits beside it takes over; or, where nobody waits, nobody drives for a moment,
// since the next call is likely to come, and then the loop's own thread does. Where more than two wait, handing the helm around
// costs more than it saves, and the loop's own thread drives.
#pragma once

#include <cstdint>

#include "listenrain/framework/atomic.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/parking.h"

namespace rain {

// Belongs to a loop with a thread of its own. The baton says who may touch the loop; this, who asks for the baton.
class Helm {
 public:
  // A thread that waits for the loop. Lives on that thread's stack.
  class Caller {
   public:
    // What is waited for is there. Once. This may be gone when it returns. Thread: any.
    void Tell() { parking_.Put(kTold); }
    // Blocks until it is told, for who waits for a loop without a helm. Thread: the caller's.
    void Await() { parking_.Await(kTold); }
    bool told() const { return (parking_.bits() & kTold) != 0; }

   private:
    friend class Helm;
    static constexpr uint32_t kTold = 1;
    static constexpr uint32_t kIsUp = 2;  // to take the helm
    Parking parking_;
    // Among those who wait, which the helm's lock guards.
    Caller* previous_ = nullptr;
    Caller* next_ = nullptr;
  };

  // From now on user code runs in the loop's turns, and callers may not drive them. Thread: any.
  void KeepFromCallers() { lends_.store(false, std::memory_order_relaxed); }
  bool lends() const { return lends_.load(std::memory_order_relaxed); }

  // True: `caller` has the helm, drives at least one turn, perhaps until it is told, and calls Leave. False: it calls Wait once
  // the loop was asked, or Leave if that failed. Thread: the caller's, for all three.
  bool Take(Caller& caller);
  // True: `caller` has the helm now, as above. False: it was told, and has left.
  bool Wait(Caller& caller);
  void Leave(Caller& caller);

  // Returns when the loop is its own thread's to drive. Thread: the loop's own, without the baton.
  void AwaitOwn();
  // There is something to do, and perhaps nobody who drives: then the loop's own thread does at once. Thread: any.
  void Summon();

 private:
  void Forget(Caller& caller) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PassOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits at most a moment. False if a caller had the helm meanwhile.
  bool QuietMoment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Atomic<bool> lends_{true};
  Atomic<bool> lent_{false};  // a caller took the helm, and the loop's own thread has not taken it back
  Mutex mutex_;
  CondVar changed_;  // for the loop's own thread
  Caller* driver_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Caller* first_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of those who wait
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;       // how often callers took it
  int crowded_calls_ ABSL_GUARDED_BY(mutex_) = 0;    // that still leave the loop to its own thread, since too many waited
  bool summoned_ ABSL_GUARDED_BY(mutex_) = false;    // the loop's own thread
  bool sleeps_ ABSL_GUARDED_BY(mutex_) = false;      // the same, until it is signalled
};

}  // namespace rain
