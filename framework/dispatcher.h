// Dispatcher: brings what one loop has for the user of one protocol to that protocol's executor, in batches.
#pragma once

#include <memory>
#include <vector>

#include "listenrain/framework/counters.h"
#include "listenrain/framework/delivery.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/traffic.h"

namespace rain {

class Shard;

// One per loop and protocol, made by the Shard. Thread: loop; counters are read by any.
class Dispatcher final : private TurnTask {
 public:
  Dispatcher(Shard& shard, std::shared_ptr<const ProtocolParts> protocol);
  ~Dispatcher() override;

  // True if user code runs on the loop itself; then it may be called straight from a read.
  bool runs_inline() const { return inline_; }
  // At the turn's end at the latest. Never runs user code before it returns.
  void Deliver(Delivery delivery);
  // Hands over what waits.
  void Flush();

  const ProtocolParts& protocol() const { return *protocol_; }
  Counters counters;
  TrafficPool traffic;  // of the protocol's links on this loop

 private:
  class Batch;
  struct BatchTask;
  void OnTurn() override { Flush(); }
  Ref<Batch> FreeBatch();

  Shard& shard_;
  const std::shared_ptr<const ProtocolParts> protocol_;
  const bool inline_;
  std::vector<Delivery> waiting_;
  std::vector<Ref<Batch>> batches_;  // for reuse
};

}  // namespace rain
