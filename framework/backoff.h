// Backoff: how long to wait between attempts to connect: exponential, with full jitter.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

struct BackoffOptions {
  absl::Duration first = absl::Milliseconds(250);  // the first wait is anything up to this
  absl::Duration most = absl::Seconds(10);         // each later one up to twice the one before, and never beyond this
  absl::Duration healthy = absl::Seconds(1);       // a channel that carried traffic for so long lets the waits begin anew
};

// The options `backoff` and `backoff_max`, in milliseconds, of a key to dial. Errors: INVALID_ARGUMENT.
absl::StatusOr<BackoffOptions> ParseBackoffOptions(const TransportKey& key);

// Thread: one at a time.
class Backoff {
 public:
  explicit Backoff(const BackoffOptions& options) : options_(options), ceiling_(options.first) {}

  // How long to wait after an attempt that failed (`lived` is zero), or a channel that carried traffic for so long. Random in
  // all of the interval ("full jitter"), so that those who lost one server do not come back to it at once. nullopt after errors
  // that the next attempt would meet too (INVALID_ARGUMENT, …): the caller's mistakes, not the peer's or the network's.
  std::optional<absl::Duration> RetryAfter(Loop& loop, const absl::Status& why, absl::Duration lived);

 private:
  const BackoffOptions options_;
  absl::Duration ceiling_;
};

}  // namespace rain
