// The inline executor: tasks run inside Run, on the caller's thread. For handlers that neither block nor take long.
#pragma once

#include <memory>

#include "listenrain/framework/executor.h"

namespace rain {

// Its concurrency() is 0. A task that calls Run runs the inner task within itself.
std::shared_ptr<Executor> NewInlineExecutor();

}  // namespace rain
