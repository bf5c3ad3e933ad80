// StallTimer: notices that nothing moved for a while.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/timer_heap.h"

namespace rain {

// Thread: loop. `loop` is borrowed.
class StallTimer final : public Timer {
 public:
  StallTimer(Loop& loop, absl::Duration after, absl::AnyInvocable<void()> on_stalled)
      : loop_(loop), after_(after), on_stalled_(std::move(on_stalled)) {}

  void Start() { loop_.timers().Arm(*this, loop_.now() + after_); }
  void Stop() { loop_.timers().Cancel(*this); }

 private:
  void OnTimer() override { on_stalled_(); }

  Loop& loop_;
  const absl::Duration after_;
  absl::AnyInvocable<void()> on_stalled_;
};

}  // namespace rain
