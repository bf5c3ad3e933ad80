// FuzzedSetting: what the first bytes of a fuzzed engine's input say: what it is made of, and its limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "listenrain/framework/limits.h"
#include "listenrain/framework/protocol_register_table.h"
#include "listenrain/framework/queue.h"
#include "listenrain/testing/fuzzed_bytes.h"

namespace rain {

struct FuzzedSetting {
  explicit FuzzedSetting(FuzzedBytes& bytes) {
    two_loops = bytes.Flip();
    manual_executor = bytes.Flip();
    const std::optional<absl::Duration> pauses[] = {std::nullopt, absl::ZeroDuration(), absl::Milliseconds(100)};
    retry_after = bytes.OneOf(pauses);
    reviews = bytes.Flip();
    const size_t counts[] = {1, 2, 3, 64};
    const size_t sizes[] = {30, 300, 5000, 100'000};
    limits.window_requests = bytes.OneOf(counts);
    limits.max_queued_packets = bytes.OneOf(counts);
    limits.window_bytes = bytes.OneOf(sizes);
    limits.max_queued_bytes = bytes.OneOf(sizes);
    limits.max_packet_bytes = bytes.OneOf(sizes);
    limits.retry_burst = 2;
    const uint8_t flags = bytes.Byte();
    priority_queue = (flags & 1) != 0;
    two_channels = (flags & 2) != 0;
    rests = (flags & 4) != 0;
    keeps_alive = (flags & 8) != 0;
    serves_both_ways = (flags & 16) != 0;
    keeps_late = (flags & 32) != 0;
    ends_at_once = (flags & 64) != 0;
    outside = (flags & 128) != 0;
  }

  // A protocol with a name and a message codec, of which some things are not possible with every codec. True if it shall have a
  // router.
  template <class M>
  bool ApplyTo(ProtocolSpec<M>& spec) const {
    const CodecTraits& traits = spec.message_codec->traits();
    spec.limits = limits;
    if (priority_queue) spec.queue = NewPriorityQueue;
    if (two_channels) spec.pool.channels_per_key = 2;
    if (rests) spec.pool.max_idle = absl::Seconds(2);
    if (keeps_alive && traits.Has(MessageKind::ping)) spec.keepalive = absl::Seconds(1);
    return serves_both_ways && traits.Has(MessageKind::request) && traits.Has(MessageKind::reply);
  }

  bool two_loops;
  bool manual_executor;
  std::optional<absl::Duration> retry_after;
  bool reviews;  // dialed channels for better ones
  Limits limits;
  bool priority_queue;
  bool two_channels;
  bool rests;
  bool keeps_alive;
  bool serves_both_ways;
  bool keeps_late;    // handlers' responders, until all has ended
  bool ends_at_once;  // without Stop
  bool outside;       // the batons are held in turns only: what happens between them is another thread's
};

}  // namespace rain
