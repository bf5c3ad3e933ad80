// ProtocolParts: one row of the protocol register table, as the engine sees it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/header_codec.h"
#include "listenrain/framework/limits.h"
#include "listenrain/framework/packet_codec.h"
#include "listenrain/framework/queue.h"
#include "listenrain/framework/stat_machine_pool.h"

namespace rain {

class RequestSink;

using QueueFactory = std::function<std::unique_ptr<Queue>()>;
using StatMachinePoolFactory = std::function<std::unique_ptr<StatMachinePool>(const OutgoingPool& nodes)>;

// How a protocol's dialed transports are kept.
struct PoolOptions {
  // To one key, at most. Another one is dialed when all there are have requests in flight; the least loaded takes the next one.
  size_t channels_per_key = 1;
  // An unused channel is closed after so long; the next message dials. Infinite: it stays.
  absl::Duration max_idle = absl::InfiniteDuration();
};

// Immutable once registered; shared by every transport of the protocol. Thread: any.
struct ProtocolParts {
  std::string name;
  size_t index = 0;  // in the table
  std::shared_ptr<const PacketCodec> packet_codec;
  std::shared_ptr<const HeaderCodec> header_codec;
  CodecTraits traits;                     // of header_codec
  std::vector<TransportScheme> channels;  // before the program's own schemes
  QueueFactory queue;                     // null: the built-in FIFO
  StatMachinePoolFactory stat_machines;   // null: the built-in one
  std::shared_ptr<Executor> executor;
  absl::Duration timeout;
  absl::Duration keepalive;
  Limits limits;
  PoolOptions pool;
  std::shared_ptr<const RequestSink> router;  // of requests that arrive on dialed transports; may be null
};

}  // namespace rain
