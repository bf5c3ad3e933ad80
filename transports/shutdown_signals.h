// ShutdownSignals: SIGINT and SIGTERM as one call on a thread that may take its time: to drain, say. A program that wants it asks
// for it: nothing else in the library looks at signals.
//
//   const auto signals = rain::CatchShutdownSignals([&](int) { rain->Drain(absl::Seconds(10)); }).value();
//   signals->Wait();
#pragma once

#include <csignal>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

namespace rain {

// As long as it lives, the signals are caught. Destroying it gives each the action it had before, and waits for a call that is
// running, unless this is that call. Thread: any.
class ShutdownSignals {
 public:
  virtual ~ShutdownSignals() = default;
  // Blocks until the call has returned. Not inside it.
  virtual void Wait() = 0;
};

// `told` is called once, with the first signal's number, on a thread of its own; what it throws is logged. The next signal, of
// either kind, ends the process at once, as if nobody had caught it: for when draining takes longer than somebody's patience.
//
// Sets handlers by sigaction, one set a process, with SA_RESTART. A signal that is ignored stays so: shells start background jobs
// like that. No thread's mask changes; where all threads block a signal, the thread that waits here takes it nevertheless.
// Errors: FAILED_PRECONDITION they are being caught already; INVALID_ARGUMENT not a signal that can be caught; RESOURCE_EXHAUSTED
// the system gives no descriptor or thread. Thread: any.
absl::StatusOr<std::unique_ptr<ShutdownSignals>> CatchShutdownSignals(absl::AnyInvocable<void(int signal) &&> told,
                                                                      const std::vector<int>& signals = {SIGINT, SIGTERM});

}  // namespace rain
