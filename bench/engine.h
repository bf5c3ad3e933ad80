// Engine: one way to run a workload: the framework, or a yardstick to hold it against.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "listenrain/bench/histogram.h"
#include "listenrain/bench/meter.h"
#include "listenrain/bench/options.h"
#include "listenrain/bench/process.h"
#include "listenrain/bench/receipt.h"

namespace rain::bench {

// One object serves one side of one run; in process it serves both. Thread: the one that calls it, or one for each side.
class Engine {
 public:
  virtual ~Engine() = default;

  // Listens, announces the address, answers every request with its own payload, or counts what comes one way, and returns when
  // the client has ended.
  virtual absl::Status Serve(const Options& options, Rendezvous& rendezvous) = 0;

  // Of Workload::echo and connections. Opens the connections; keeps options.parallel calls in flight from the meter's start to
  // its end, and then waits for those still in flight. Checks every reply's length and bytes. Returns the latencies, in
  // nanoseconds, of the calls that the meter counts. Errors: DATA_LOSS for a wrong reply, DEADLINE_EXCEEDED if replies stay away,
  // and whatever else stopped it.
  virtual absl::StatusOr<std::unique_ptr<Histogram>> Call(const Options& options, absl::string_view address, Meter& meter) = 0;

  // Of Workload::oneway. Posts as fast as the messages are taken until the meter's end, and then waits until all have been
  // counted. Returns what the server counted in a time that is about the measured one. Errors: DATA_LOSS if it did not count all;
  // else as above.
  virtual absl::StatusOr<Flow> Post(const Options& options, absl::string_view address, Meter& meter) = 0;
};

std::unique_ptr<Engine> NewEpollEngine();
std::unique_ptr<Engine> NewRainEngine();
std::unique_ptr<Engine> NewRingEngine(const Options& options);
std::unique_ptr<Engine> NewUvEngine();

}  // namespace rain::bench
