// TransportPool: the dialed transports of a program, found by protocol and key.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

using SharedProtocol = std::shared_ptr<const ProtocolParts>;

// Thread: any.
class TransportPool {
 public:
  virtual ~TransportPool() = default;
  // The transport to this key, made if there is none: however many ask, one dial is in flight per protocol and key.
  // Errors: what the opener says.
  virtual absl::StatusOr<Ref<PostBox>> Get(const SharedProtocol& protocol, const TransportKey& key) = 0;
  // Forgets exactly this one; a younger transport to the same key stays.
  virtual void Evict(const PostBox& box) = 0;
  virtual size_t size() const = 0;
};

// Makes a box whose transport is dialed when first used. Called without a lock; what two make at once for one key is made for
// nothing, but not dialed.
using TransportOpener = std::function<absl::StatusOr<Ref<PostBox>>(const SharedProtocol&, const TransportKey&)>;

// `opener` is called when a key has no transport.
std::unique_ptr<TransportPool> NewTransportPool(TransportOpener opener);

}  // namespace rain
