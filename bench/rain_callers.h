// The client's side of a run over the framework: who makes the calls, and where their replies are seen.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/bench/histogram.h"
#include "listenrain/bench/meter.h"
#include "listenrain/bench/options.h"
#include "listenrain/listenrain.h"

namespace rain::bench {

// The method that the server answers with the request's own body.
inline constexpr int64_t kEchoMethod = 1;

// All as Engine::Call says. `server` and `loop` are the client's. Thread: any but the loop's.
using Latencies = absl::StatusOr<std::unique_ptr<Histogram>>;

// From callbacks or coroutines on the loop: the protocol's executor must be inline.
Latencies CallOnLoop(const Options& options, const TransportHandle<Message>& server, Loop& loop, Meter& meter);
// From callbacks or coroutines on an executor's threads.
Latencies CallOnPool(const Options& options, const TransportHandle<Message>& server, Meter& meter);
// From as many threads as calls, each of which blocks.
Latencies CallFromThreads(const Options& options, const TransportHandle<Message>& server, Meter& meter);

}  // namespace rain::bench
