// ProtocolRegisterTable: the protocols of a program, each a bundle of parts under one name.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/router.h"

namespace rain {

// What a user says of a protocol. Only name and message_codec have no default.
template <class M>
struct ProtocolSpec {
  std::string name;
  std::shared_ptr<const MessageCodec<M>> message_codec;
  std::shared_ptr<const PacketCodec> packet_codec;  // null: the table's default
  std::vector<TransportScheme> channels;            // looked for before the program's schemes
  QueueFactory queue;                               // null: FIFO; or NewPriorityQueue
  StatMachinePoolFactory stat_machines;             // null: the built-in one
  std::shared_ptr<Executor> executor;               // null: the table's default. User code of this protocol runs there
  absl::Duration timeout = absl::Seconds(5);        // of requests that name none
  // A peer that was silent for so long is pinged, and its channel ended if it is silent as long again. Infinite: never. Needs a
  // codec with pings; without, see the keepalive option of the tcp transport.
  absl::Duration keepalive = absl::InfiniteDuration();
  Limits limits;
  PoolOptions pool;
  // Of requests and pushes that come on dialed transports, which then have a channel all the time. Needs a codec with kinds, but
  // for OnConnect.
  Router<M> router;
};

// The handle of a registered protocol. A cheap value; valid as long as anything refers to it. Thread: any.
template <class M>
class Protocol {
 public:
  Protocol() = default;
  const std::shared_ptr<const ProtocolParts>& parts() const { return parts_; }
  const std::shared_ptr<const MessageCodec<M>>& codec() const { return codec_; }

 private:
  friend class ProtocolRegisterTable;
  Protocol(std::shared_ptr<const ProtocolParts> parts, std::shared_ptr<const MessageCodec<M>> codec)
      : parts_(std::move(parts)), codec_(std::move(codec)) {}
  std::shared_ptr<const ProtocolParts> parts_;
  std::shared_ptr<const MessageCodec<M>> codec_;
};

// Append-only; entries never move nor change. Thread: any.
class ProtocolRegisterTable {
 public:
  ProtocolRegisterTable(std::shared_ptr<const PacketCodec> packet_codec, std::shared_ptr<Executor> executor);

  // Errors: ALREADY_EXISTS the name is taken; INVALID_ARGUMENT naming the part that is wrong.
  template <class M>
  absl::StatusOr<Protocol<M>> Register(ProtocolSpec<M> spec) {
    auto parts = std::make_shared<ProtocolParts>();
    parts->name = std::move(spec.name);
    parts->header_codec = spec.message_codec;
    parts->packet_codec = std::move(spec.packet_codec);
    parts->channels = std::move(spec.channels);
    parts->queue = std::move(spec.queue);
    parts->stat_machines = std::move(spec.stat_machines);
    parts->executor = std::move(spec.executor);
    parts->timeout = spec.timeout;
    parts->keepalive = spec.keepalive;
    parts->limits = spec.limits;
    parts->pool = spec.pool;
    const bool takes_messages = spec.router.takes_messages();
    if (takes_messages || spec.router.watches_connections())
      parts->router = std::make_shared<RouterSink<M>>(std::move(spec.router), spec.message_codec);
    if (absl::Status status = Add(parts, takes_messages); !status.ok()) return status;
    return Protocol<M>(std::move(parts), std::move(spec.message_codec));
  }

  // A snapshot, in order of registration.
  std::vector<std::shared_ptr<const ProtocolParts>> All() const;

 private:
  absl::Status Add(const std::shared_ptr<ProtocolParts>& parts, bool takes_messages);

  const std::shared_ptr<const PacketCodec> packet_codec_;
  const std::shared_ptr<Executor> executor_;
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<const ProtocolParts>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
