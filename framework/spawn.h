// Spawn: begins a task that goes on by itself.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/task.h"

namespace rain {

// Begins the task on the executor. What it throws is logged. Takes ownership. Thread: any.
void Spawn(Executor& executor, Task<void> task);

// The same, and tells once how it ended, when its frame is gone: OK, INVALID_ARGUMENT naming what it threw, or CANCELLED if the
// executor ended before it began. `on_end` runs where the task ends.
void Spawn(Executor& executor, Task<void> task, absl::AnyInvocable<void(absl::Status) &&> on_end);

}  // namespace rain
