// TransportPool: the dialed transports of a program, found by protocol and key.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

using SharedProtocol = std::shared_ptr<const ProtocolParts>;

// A dialed transport at some moment.
struct PooledTransport {
  std::string protocol;
  TransportKey key;
  PeerInfo peer;  // who is, or was last, at the other end
  LinkState state = LinkState::unused;
  size_t in_flight = 0;       // requests that were sent and have no outcome
  size_t queued_packets = 0;  // accepted, and not yet taken by the channel
  size_t queued_bytes = 0;
};

// "connected", say.
absl::string_view ToString(LinkState state);

// Thread: any.
class TransportPool {
 public:
  virtual ~TransportPool() = default;
  // The least loaded transport to this key, made if there is none, or if all of fewer than pool.channels_per_key are busy.
  // However many ask, one dial is in flight per protocol and key. Errors: what the opener says.
  virtual absl::StatusOr<Ref<PostBox>> Get(const SharedProtocol& protocol, const TransportKey& key) = 0;
  // Forgets exactly this one; a younger transport to the same key stays.
  virtual void Evict(const PostBox& box) = 0;
  virtual size_t size() const = 0;
  // By key.
  virtual std::vector<PooledTransport> Transports() const = 0;
};

// Makes a box whose transport is dialed when first used. Called without a lock; what two make at once for one key is made for
// nothing, but not dialed.
using TransportOpener = std::function<absl::StatusOr<Ref<PostBox>>(const SharedProtocol&, const TransportKey&)>;

// `opener` is called when a key has no transport, or needs another one.
std::unique_ptr<TransportPool> NewTransportPool(TransportOpener opener);

}  // namespace rain
