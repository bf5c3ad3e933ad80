// Footprint: what connections cost beside their calls: memory on each side, and the time to open them all.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/bench/options.h"
#include "listenrain/framework/clock.h"

namespace rain::bench {

// Of --workload=connections. Plain data: it crosses from process to process as bytes.
struct ConnectionFigures {
  double open_seconds = 0;  // until each had its first reply
  // Resident memory beyond what there was before, a connection: once they were open, and again once they had all been busy; idle
  // both times.
  double client_opened_kib = 0, server_opened_kib = 0;
  double client_idle_kib = 0, server_idle_kib = 0;
};

// Its methods are called once each, in this order. Thread: one at a time.
class Footprint {
 public:
  // The processes may be one: then all its memory is told as the client's.
  Footprint(const Options& options, pid_t client, pid_t server);

  // All is ready, and no connection is open.
  void BeforeOpening();
  // All are open, and have had a reply. Waits for as long as they are to rest.
  void AfterOpening();
  // No call is in flight any more. Waits likewise.
  void AfterCalls();

  // Errors: FAILED_PRECONDITION if the above were not called; whatever hindered a look at a process.
  absl::StatusOr<ConnectionFigures> Finish() const;

 private:
  struct Memory {
    uint64_t client = 0, server = 0;
  };
  absl::StatusOr<Memory> Look() const;
  absl::StatusOr<Memory> LookAfterRest() const;
  double KibEach(uint64_t before, uint64_t after) const;

  const absl::Duration rest_;
  const size_t connections_;
  const pid_t client_;
  const pid_t server_;
  Instant began_;
  absl::Duration opening_;
  absl::StatusOr<Memory> before_;
  absl::StatusOr<Memory> opened_;
  absl::StatusOr<Memory> idle_;
};

}  // namespace rain::bench
