// Threads that take no signals: those are for the program's own threads.
#pragma once

#include <functional>
#include <thread>

#include "absl/status/statusor.h"

namespace rain {

// Thread: any. Errors: RESOURCE_EXHAUSTED if the system refuses another thread.
absl::StatusOr<std::thread> StartQuietThread(std::function<void()> body);

}  // namespace rain
