// Acceptor: takes the channels of one listening generator and makes transports of them, on this loop and on others.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/delay_timer.h"
#include "listenrain/framework/delivery.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/transport.h"

namespace rain {

class Acceptor;

// What one listener has accepted on one loop. Made by the listener's box, shared with those transports.
class Accepted final : public TransportKeeper {
 public:
  explicit Accepted(Ref<Shard> on) : shard_(std::move(on)) {}

  Shard& shard() const { return *shard_; }
  // How many transports there are, those on their way included. Thread: any.
  size_t load() const { return load_.load(std::memory_order_relaxed); }
  void Expect() { load_.fetch_add(1, std::memory_order_relaxed); }
  // Makes a transport of a channel that was expected. Thread: loop.
  void Adopt(Ref<PostBox> box, std::shared_ptr<const RequestSink> sink, std::unique_ptr<Channel> channel);
  // In the order in which they came. Thread: any.
  std::vector<Ref<PostBox>> boxes() const;
  // Those that are not at their end. Thread: loop.
  std::vector<Resident*> Transports() const;
  void OnGone(PostBox& box) override;

 private:
  const Ref<Shard> shard_;
  std::atomic<size_t> load_{0};
  mutable Mutex mutex_;
  uint64_t came_ ABSL_GUARDED_BY(mutex_) = 0;
  struct Came {
    Ref<PostBox> box;
    uint64_t number = 0;
  };
  absl::flat_hash_map<const PostBox*, Came> boxes_ ABSL_GUARDED_BY(mutex_);
};

// How others reach an acceptor and what it accepted. Thread: any, but for `acceptor`.
class AcceptorBox final : public RefCounted {
 public:
  // Listens on `on`, and spreads what it accepts over `homes`.
  AcceptorBox(Ref<Shard> on, const std::vector<Ref<Shard>>& homes, TransportKey key);

  // Accepts no more. Thread: loop (of `shard`).
  void StopAccepting();
  // The same, then lets `act` see all that was accepted, on each loop by itself.
  static void StopAcceptingThen(const Ref<AcceptorBox>& box, const std::function<void(Accepted&)>& act);

  const Ref<Shard> shard;
  const TransportKey bound_key;
  std::vector<Ref<Accepted>> accepted;  // one for each home; constant
  Acceptor* acceptor = nullptr;         // thread: loop; null before it has begun, and once it has ended
  bool begun = false;                   // thread: loop
};

// Housed by the shard. Thread: loop.
class Acceptor final : public Resident {
 public:
  Acceptor(Ref<AcceptorBox> box, std::shared_ptr<const ProtocolParts> protocol, std::shared_ptr<const RequestSink> sink,
           std::unique_ptr<ChannelGenerator> generator);
  ~Acceptor() override;

  void Start();
  // Its end. What was accepted lives on.
  void StopAccepting() override;
  void End(absl::Status) override { StopAccepting(); }
  void BeginDrain(const Ref<Drain>&) override { StopAccepting(); }

 private:
  void Ask();
  void OnChannel(absl::StatusOr<std::unique_ptr<Channel>> channel);
  void HandOver(std::unique_ptr<Channel> channel);

  const Ref<AcceptorBox> box_;
  const std::shared_ptr<const ProtocolParts> protocol_;
  const std::shared_ptr<const RequestSink> sink_;
  std::unique_ptr<ChannelGenerator> generator_;
  DelayTimer<&Acceptor::Ask> retry_{*this};
  bool ended_ = false;
};

}  // namespace rain
