#include "listenrain/framework/transport_pool.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "listenrain/framework/mutex.h"

namespace rain {
namespace {

struct PoolKey {
  const ProtocolParts* protocol;
  TransportKey key;
};

// What is looked for, without copying the key.
struct PoolKeyView {
  const ProtocolParts* protocol;
  const TransportKey& key;
};

struct PoolKeyHash {
  using is_transparent = void;
  template <class K>
  size_t operator()(const K& k) const {
    return absl::HashOf(k.protocol, k.key);
  }
};

struct PoolKeyEqual {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return a.protocol == b.protocol && a.key == b.key;
  }
};

class DefaultTransportPool final : public TransportPool {
 public:
  explicit DefaultTransportPool(TransportOpener opener) : opener_(std::move(opener)) {}

  absl::StatusOr<Ref<PostBox>> Get(const SharedProtocol& protocol, const TransportKey& key) override {
    const PoolKeyView wanted{protocol.get(), key};
    {
      MutexLock lock(mutex_);
      const auto found = boxes_.find(wanted);
      if (found != boxes_.end()) return found->second;
    }
    absl::StatusOr<Ref<PostBox>> opened = opener_(protocol, key);
    if (!opened.ok()) return opened;
    MutexLock lock(mutex_);
    return boxes_.try_emplace(PoolKey{protocol.get(), key}, *std::move(opened)).first->second;
  }

  void Evict(const PostBox& box) override {
    Ref<PostBox> evicted;  // dropped after the lock
    MutexLock lock(mutex_);
    const auto found = boxes_.find(PoolKeyView{&box.protocol(), box.key()});
    if (found == boxes_.end() || found->second.get() != &box) return;
    evicted = std::move(found->second);
    boxes_.erase(found);
  }

  size_t size() const override {
    MutexLock lock(mutex_);
    return boxes_.size();
  }

 private:
  const TransportOpener opener_;
  mutable Mutex mutex_;
  absl::flat_hash_map<PoolKey, Ref<PostBox>, PoolKeyHash, PoolKeyEqual> boxes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<TransportPool> NewTransportPool(TransportOpener opener) {
  return std::make_unique<DefaultTransportPool>(std::move(opener));
}

}  // namespace rain
