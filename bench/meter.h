// Meter: which calls of a run count, and what both sides use meanwhile.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/bench/footprint.h"
#include "listenrain/bench/histogram.h"
#include "listenrain/bench/options.h"
#include "listenrain/bench/receipt.h"
#include "listenrain/framework/clock.h"

namespace rain::bench {

// What a run is judged by. Plain data: it crosses from process to process as bytes.
struct Figures {
  uint64_t calls = 0;  // that ended within the measured time; one way: messages that their receiver counted in it
  double seconds = 0;
  double calls_per_second = 0;
  double p50_us = 0, p99_us = 0, p999_us = 0;  // of calls
  double client_cpu_us_per_call = 0, server_cpu_us_per_call = 0;
  double client_rss_mib = 0, server_rss_mib = 0;  // the most there was
  size_t clients = 1;                             // that these are the figures of
  ConnectionFigures connections;
};

// Time is taken once for all the calls of a turn: a call begins with the turn that queued it and ends with the turn that read
// its reply. Thread: one for Start, Sample and Finish; any for the rest, once started.
class Meter {
 public:
  // The processes may be one: then all it uses is told as the client's.
  Meter(const Options& options, pid_t client, pid_t server);

  // Warm-up begins.
  void Start(Instant now);
  // To be called now and then, at least soon after begin() and soon after end(): takes note of what has been used.
  void Sample(Instant now) {
    if (now < next_sample_) return;
    TakeSample(now);
  }
  Instant begin() const { return begin_; }
  Instant end() const { return end_; }
  // True if a call that ended then is to be recorded.
  bool Counts(Instant ended) const { return ended >= begin_ && ended < end_; }

  // Of --workload=connections, for whoever opens them.
  Footprint& footprint() { return footprint_; }

  // Errors: FAILED_PRECONDITION if nothing was recorded or no two samples were taken; whatever hindered a sample.
  absl::StatusOr<Figures> Finish(const Histogram& latencies) const;
  absl::StatusOr<Figures> Finish(const Flow& flow) const;

 private:
  struct Use {
    Instant when;
    absl::Duration client, server;
  };
  struct Memory {
    uint64_t client = 0, server = 0;
  };
  void TakeSample(Instant now);
  absl::StatusOr<Use> UseAt(Instant now) const;
  absl::StatusOr<Memory> PeakMemory() const;
  // With the figures that all workloads have. Errors: as Finish.
  absl::StatusOr<Figures> FiguresOf(uint64_t calls, absl::Duration took) const;

  const Workload workload_;
  const absl::Duration warm_up_;
  const absl::Duration measured_;
  const pid_t client_;
  const pid_t server_;
  Footprint footprint_;
  Instant begin_ = Instant::Infinite();
  Instant end_ = Instant::Infinite();
  Instant next_sample_ = Instant::Infinite();
  absl::StatusOr<Use> first_;
  absl::StatusOr<Use> last_;
  absl::StatusOr<Memory> memory_;  // at the last sample: once the calls have ended, the server may be gone
};

}  // namespace rain::bench
