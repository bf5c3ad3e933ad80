// Executor: where user code runs.
#pragma once

#include "absl/functional/any_invocable.h"

namespace rain {

class Loop;

// Thread: any. Implementations catch what a task throws, and log it.
class Executor {
 public:
  virtual ~Executor() = default;

  // Runs the task once, soon, or destroys it unrun when the executor ends before. Takes ownership.
  // Never blocks; only an inline executor (concurrency() == 0) runs it before Run returns.
  virtual void Run(absl::AnyInvocable<void() &&> task) = 0;

  // How many tasks run at the same time; 0 if they run inside Run, on the caller's thread.
  virtual int concurrency() const = 0;

  // The loop in whose turns tasks run: it is one, or hands its tasks on to one. Null: there is none.
  virtual Loop* loop() { return nullptr; }
};

}  // namespace rain
