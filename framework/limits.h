// Limits: what one transport may hold. Every one is finite by default, and counts bytes or packets of that transport alone.
#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace rain {

struct Limits {
  size_t max_packet_bytes = 64 << 20;  // of one packet, either way; checked on what is announced
  // Accepted from callers (or owed to the peer) and not yet taken by the channel. One-way messages that went straight to it and
  // were not taken yet are not counted, 256 KiB and a packet at most; when it dies they are queued beside these.
  size_t max_queued_bytes = 64 << 20;
  size_t max_queued_packets = 64 << 10;
  size_t window_requests = 16 << 10;  // requests in flight, each way; configured alike on both sides
  size_t window_bytes = 256 << 20;
  double retry_share = 0.1;  // of the idempotent requests, so many may be sent a second time, and retry_burst at once
  double retry_burst = 100;
  // A transport is closed that is blocked for so long: both ways, or in order by requests that were given up.
  absl::Duration stall = absl::Seconds(10);
};

}  // namespace rain
