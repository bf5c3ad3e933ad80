// Acceptor: takes the channels of one listening generator and makes transports of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/delay_timer.h"
#include "listenrain/framework/delivery.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/transport.h"

namespace rain {

class Acceptor;

// How others reach an acceptor. Thread: any, but for `acceptor`.
class AcceptorBox final : public RefCounted {
 public:
  AcceptorBox(Ref<Shard> on, TransportKey key) : shard(std::move(on)), bound_key(std::move(key)) {}
  const Ref<Shard> shard;
  const TransportKey bound_key;
  Acceptor* acceptor = nullptr;  // thread: loop; null once ended
};

// Housed by the shard. Thread: loop.
class Acceptor final : public Resident {
 public:
  Acceptor(Ref<AcceptorBox> box, std::shared_ptr<const ProtocolParts> protocol, std::shared_ptr<const RequestSink> sink,
           std::unique_ptr<ChannelGenerator> generator);
  ~Acceptor() override;

  void Start();
  void End(absl::Status why) override;
  void BeginDrain(const Ref<Drain>& drain) override;
  // This, and the transports that it accepted.
  std::vector<Resident*> Served();

 private:
  void Ask();
  void MaybeFinish();
  void OnChannel(absl::StatusOr<std::unique_ptr<Channel>> channel);

  const Ref<AcceptorBox> box_;
  const std::shared_ptr<const ProtocolParts> protocol_;
  const std::shared_ptr<const RequestSink> sink_;
  std::unique_ptr<ChannelGenerator> generator_;
  uint64_t accepted_ = 0;
  std::map<uint64_t, Transport*> transports_;  // by their number, so that they end in the order in which they came
  DelayTimer retry_;
  std::vector<Ref<Drain>> drains_;  // empty: it is not draining
  bool ended_ = false;
};

}  // namespace rain
