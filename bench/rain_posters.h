// The client's side of a run over the framework whose messages go one way.
#pragma once

#include "absl/status/statusor.h"
#include "listenrain/bench/meter.h"
#include "listenrain/bench/options.h"
#include "listenrain/bench/rain_service.h"
#include "listenrain/bench/receipt.h"

namespace rain::bench {

// All as Engine::Post says. `server` and `loop` are the client's. Thread: any but the loop's.

// From the loop's thread: a batch a turn, while there is room for it.
absl::StatusOr<Flow> PostOnLoop(const Options& options, const Server& server, Loop& loop, Meter& meter);
// From options.parallel threads, which block while there is no room.
absl::StatusOr<Flow> PostFromThreads(const Options& options, const Server& server, Meter& meter);

}  // namespace rain::bench
