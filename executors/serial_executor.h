// The serial executor: tasks run one at a time, in the order of the calls, on another executor's threads. For handlers with state
// of their own and no lock.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "listenrain/framework/executor.h"

namespace rain {

// Many may share `under`, which runs their tasks beside each other. Destroying it leaves what waits to `under`.
// Errors: FAILED_PRECONDITION if `under` is inline: where tasks run at once, nothing can put them in order.
absl::StatusOr<std::shared_ptr<Executor>> NewSerialExecutor(std::shared_ptr<Executor> under);

}  // namespace rain
