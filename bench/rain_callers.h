// The client's side of a run over the framework: who makes the calls, and where their replies are seen.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/bench/histogram.h"
#include "listenrain/bench/meter.h"
#include "listenrain/bench/options.h"
#include "listenrain/bench/rain_service.h"
#include "listenrain/framework/loop.h"

namespace rain::bench {

// All as Engine::Call says. `servers` and `loop` are the client's: there is one server for all calls, or one for each of them.
// Thread: any but the loop's.
using Latencies = absl::StatusOr<std::unique_ptr<Histogram>>;

// From callbacks or coroutines on the loop: the protocol's executor must be inline.
Latencies CallOnLoop(const Options& options, const std::vector<Server>& servers, Loop& loop, Meter& meter);
// From callbacks or coroutines on an executor's threads.
Latencies CallOnPool(const Options& options, const std::vector<Server>& servers, Meter& meter);
// From as many threads as calls, each of which blocks.
Latencies CallFromThreads(const Options& options, const std::vector<Server>& servers, Meter& meter);

}  // namespace rain::bench
