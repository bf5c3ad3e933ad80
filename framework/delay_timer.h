// DelayTimer: calls a method of its owner a while after Start.
#pragma once

#include "absl/time/time.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/timer_heap.h"

namespace rain {

// DelayTimer<&Owner::OnTime>: a member of the owner. Thread: loop.
template <auto kOnTime>
class DelayTimer;

template <class Owner, void (Owner::*kOnTime)()>
class DelayTimer<kOnTime> final : private Timer {
 public:
  explicit DelayTimer(Owner& owner) : owner_(owner) {}

  // Begins anew if it runs already. `loop` is the owner's.
  void Start(Loop& loop, absl::Duration delay) { loop.timers().Arm(*this, loop.now() + delay); }
  void Stop() { Disarm(); }
  bool running() const { return armed(); }

 private:
  void OnTimer() override { (owner_.*kOnTime)(); }

  Owner& owner_;
};

}  // namespace rain
