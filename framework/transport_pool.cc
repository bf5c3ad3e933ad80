#include "listenrain/framework/transport_pool.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "listenrain/framework/mutex.h"

namespace rain {
namespace {

struct PoolKey {
  const ProtocolParts& protocol;
  const TransportKey& key;
};

// The transports to one key, at least one. A busy one is better than one without a channel.
class Group {
 public:
  explicit Group(Ref<PostBox> first) { Add(std::move(first)); }

  // As long as there is one.
  PoolKey key() const { return {boxes_.front()->protocol(), boxes_.front()->key()}; }
  // Null if another one is to be made: only while all have a channel, and something to do.
  const Ref<PostBox>* Best(size_t most) const {
    const Ref<PostBox>* best = nullptr;
    Load least{true, SIZE_MAX};
    bool all_connected = true;
    for (const Ref<PostBox>& box : boxes_) {
      const Load load = LoadOf(*box);
      all_connected &= !load.no_channel;
      if (best == nullptr || load < least) {
        best = &box;
        least = load;
      }
    }
    return boxes_.size() < most && all_connected && (best == nullptr || least.packets > 0) ? nullptr : best;
  }
  const auto& boxes() const { return boxes_; }
  void Add(Ref<PostBox> box) { boxes_.push_back(std::move(box)); }
  // Null if it is not here.
  Ref<PostBox> Take(const PostBox& box) {
    const auto found = std::find_if(boxes_.begin(), boxes_.end(), [&](const auto& each) { return each.get() == &box; });
    if (found == boxes_.end()) return nullptr;
    Ref<PostBox> taken = std::move(*found);
    boxes_.erase(found);
    return taken;
  }

 private:
  struct Load {
    bool no_channel;
    size_t packets;
    friend auto operator<=>(const Load&, const Load&) = default;
  };
  static Load LoadOf(const PostBox& box) {
    return {box.state() != LinkState::connected, box.in_flight().value() + box.budget().packets()};
  }

  absl::InlinedVector<Ref<PostBox>, 1> boxes_;
};

PoolKey KeyOf(const PoolKey& key) { return key; }
PoolKey KeyOf(const Group& group) { return group.key(); }

struct HashOfKey {
  using is_transparent = void;
  template <class K>
  size_t operator()(const K& k) const {
    return absl::HashOf(&KeyOf(k).protocol, KeyOf(k).key);
  }
};

struct SameKey {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return &KeyOf(a).protocol == &KeyOf(b).protocol && KeyOf(a).key == KeyOf(b).key;
  }
};

class DefaultTransportPool final : public TransportPool {
 public:
  explicit DefaultTransportPool(TransportOpener opener) : opener_(std::move(opener)) {}

  absl::StatusOr<Ref<PostBox>> Get(const SharedProtocol& protocol, const TransportKey& key) override {
    const PoolKey asked{*protocol, key};
    {
      MutexLock lock(mutex_);
      if (const Ref<PostBox>* box = Best(asked); box != nullptr) return *box;
    }
    absl::StatusOr<Ref<PostBox>> opened = opener_(protocol, key);
    if (!opened.ok()) return opened;
    MutexLock lock(mutex_);
    if (const Ref<PostBox>* box = Best(asked); box != nullptr) return *box;  // somebody was faster
    if (Groups::node_type group = groups_.extract(asked); group) {
      group.value().Add(*opened);
      groups_.insert(std::move(group));
    } else {
      groups_.insert(Group(*opened));
    }
    return opened;
  }

  void Evict(const PostBox& box) override {
    Ref<PostBox> evicted;  // dropped after the lock
    MutexLock lock(mutex_);
    Groups::node_type group = groups_.extract(PoolKey{box.protocol(), box.key()});
    if (!group) return;
    evicted = group.value().Take(box);
    if (!group.value().boxes().empty()) groups_.insert(std::move(group));
  }

  size_t size() const override {
    MutexLock lock(mutex_);
    size_t size = 0;
    for (const Group& group : groups_) size += group.boxes().size();
    return size;
  }

  std::vector<PooledTransport> Transports() const override {
    std::vector<PooledTransport> transports;
    {
      MutexLock lock(mutex_);
      for (const Group& group : groups_) {
        for (const Ref<PostBox>& box : group.boxes()) {
          transports.push_back({box->protocol().name, box->key(), box->peer(), box->state(), box->in_flight().value(),
                                box->budget().packets(), box->budget().bytes()});
        }
      }
    }
    std::stable_sort(transports.begin(), transports.end(), [](const PooledTransport& a, const PooledTransport& b) {
      return std::tie(a.key.text(), a.protocol) < std::tie(b.key.text(), b.protocol);
    });
    return transports;
  }

 private:
  using Groups = absl::flat_hash_set<Group, HashOfKey, SameKey>;

  // Null if another one is to be made.
  const Ref<PostBox>* Best(const PoolKey& key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = groups_.find(key);
    return found == groups_.end() ? nullptr : found->Best(key.protocol.pool.channels_per_key);
  }

  const TransportOpener opener_;
  mutable Mutex mutex_;
  Groups groups_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::string_view ToString(LinkState state) {
  switch (state) {
    case LinkState::unused:
      return "unused";
    case LinkState::connecting:
      return "connecting";
    case LinkState::connected:
      return "connected";
    case LinkState::down:
      break;
  }
  return "down";
}

std::unique_ptr<TransportPool> NewTransportPool(TransportOpener opener) {
  return std::make_unique<DefaultTransportPool>(std::move(opener));
}

}  // namespace rain
