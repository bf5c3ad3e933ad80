// DelayTimer, RareTimer: call a method of their owner a while after Start.
#pragma once

#include "absl/time/time.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/rare_ptr.h"
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

// RareTimer<&Owner::OnTime>: the same for owners of which few ever start it: a pointer until then.
template <auto kOnTime>
class RareTimer;

template <class Owner, void (Owner::*kOnTime)()>
class RareTimer<kOnTime> final {
 public:
  void Start(Owner& owner, Loop& loop, absl::Duration delay) {
    if (timer_ == nullptr) timer_ = MakeRare<DelayTimer<kOnTime>>(owner);
    timer_->Start(loop, delay);
  }
  void Stop() {
    if (timer_ != nullptr) timer_->Stop();
  }

 private:
  RarePtr<DelayTimer<kOnTime>> timer_;
};

}  // namespace rain
