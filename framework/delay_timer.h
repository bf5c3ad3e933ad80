// DelayTimer: calls a function a while after Start.
#pragma once

#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/timer_heap.h"

namespace rain {

// Thread: loop. `loop` is borrowed.
class DelayTimer final : private Timer {
 public:
  DelayTimer(Loop& loop, absl::AnyInvocable<void()> on_time) : loop_(loop), on_time_(std::move(on_time)) {}

  // Begins anew if it runs already.
  void Start(absl::Duration delay) { loop_.timers().Arm(*this, loop_.now() + delay); }
  void Stop() { loop_.timers().Cancel(*this); }
  bool running() const { return armed(); }

 private:
  void OnTimer() override { on_time_(); }

  Loop& loop_;
  absl::AnyInvocable<void()> on_time_;
};

}  // namespace rain
