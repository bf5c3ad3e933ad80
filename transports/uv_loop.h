// The libuv loop: sockets, timers and wake-ups, on a thread of its own or on a uv_loop_t of the caller's.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/framework/loop.h"

struct uv_loop_s;

namespace rain {

struct UvLoopOptions {
  // How long at most a turn looks for input before it sleeps, and only while that has lately paid off: a loop without traffic
  // sleeps. Waking an idle core costs tens of microseconds, looking costs the core; where other threads need that one, it is left
  // to them. Zero: sleep at once.
  absl::Duration poll = absl::Microseconds(50);
};

// A loop with a thread that runs its turns; others may drive it too (RunTurn). It ends with its last reference, which may be
// dropped anywhere: on another thread this waits for the running turn, inside a turn the loop ends after it. Then waiting tasks
// are destroyed unrun, by a thread that holds the baton, and watches fall silent. Thread: any.
// Errors: RESOURCE_EXHAUSTED if the system gives no descriptor or no thread.
absl::StatusOr<std::shared_ptr<Loop>> NewUvLoop(const UvLoopOptions& options = {});

// A loop whose turns are those of `loop`, which is borrowed. Thread: the one that runs `loop`; from then on it counts as the
// baton's holder, inside uv_run and outside. Nobody else may drive it: RunTurn returns false. uv_run does not return for want of
// work while it lives. When its last reference goes (any thread), its handles begin to close: let `loop` run until uv_loop_alive
// says no, before uv_loop_close; after an error too. It costs one system call more than one with its own thread, each time that
// it wakes. Errors: INVALID_ARGUMENT if `loop` is null, RESOURCE_EXHAUSTED if there is no descriptor left.
absl::StatusOr<std::shared_ptr<Loop>> AttachUvLoop(uv_loop_s* loop);

}  // namespace rain
