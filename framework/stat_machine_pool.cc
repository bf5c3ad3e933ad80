#include "listenrain/framework/stat_machine_pool.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/rarely.h"

namespace rain {
namespace {

class DefaultStatMachinePool final : public StatMachinePool {
 public:
  explicit DefaultStatMachinePool(const OutgoingPool& nodes) : nodes_(nodes) {}

  void Add(Outgoing& request) override {
    request.in_flight_at = this;
    list_.PushBack(request);
  }

  absl::Status Bind(Outgoing& request, const MsgId& id) override {
    const bool own = IsOwnToken(request, id);
    if (own ? Named(id) != nullptr : FindOwn(id) != nullptr || !by_id_->emplace(id, &request).second) {
      return absl::AlreadyExistsError(
          absl::StrCat("msgID ", ToString(id), " is in flight on this transport: wait for its outcome"));
    }
    request.header.id = id;
    return absl::OkStatus();
  }

  Outgoing* Pop(Token token) override {
    Outgoing* request = nodes_.Find(token);
    return request != nullptr && request->in_flight_at == this ? Take(*request) : nullptr;
  }

  Outgoing* Pop(const MsgId& id) override {
    Outgoing* request = Named(id);
    if (request == nullptr) request = FindOwn(id);
    return request != nullptr ? Take(*request) : nullptr;
  }

  Outgoing* PopOldest() override { return list_.empty() ? nullptr : Take(*list_.front()); }
  void Visit(absl::FunctionRef<bool(const Outgoing&)> look) const override {
    const Outgoing* at = list_.front();
    while (at != nullptr && look(*at)) at = at->in_flight_hook.next;
  }
  size_t size() const override { return list_.size(); }

 private:
  static bool IsOwnToken(const Outgoing& request, const MsgId& id) { return id.is_integer() && id.integer() == request.token; }

  // The request whose id is its own token, and this.
  Outgoing* FindOwn(const MsgId& id) const {
    Outgoing* request = id.is_integer() ? nodes_.Find(id.integer()) : nullptr;
    const bool own = request != nullptr && request->in_flight_at == this && IsOwnToken(*request, request->header.id);
    return own ? request : nullptr;
  }

  // The request that has this id of its caller's.
  Outgoing* Named(const MsgId& id) const {
    if (!by_id_.made() || by_id_.get()->empty()) return nullptr;
    const auto found = by_id_.get()->find(id);
    return found == by_id_.get()->end() ? nullptr : found->second;
  }

  Outgoing* Take(Outgoing& request) {
    list_.Remove(request);
    request.in_flight_at = nullptr;
    if (by_id_.made() && !IsOwnToken(request, request.header.id)) {
      by_id_->erase(request.header.id);
      if (by_id_->empty() && by_id_->capacity() > kKeptCapacity) by_id_.Take();
    }
    return &request;
  }

  static constexpr size_t kKeptCapacity = 64;
  const OutgoingPool& nodes_;
  IntrusiveList<Outgoing, &Outgoing::in_flight_hook> list_;
  Rarely<absl::flat_hash_map<MsgId, Outgoing*>> by_id_;  // those with ids of their callers'
};

}  // namespace

std::unique_ptr<StatMachinePool> NewStatMachinePool(const OutgoingPool& nodes) {
  return std::make_unique<DefaultStatMachinePool>(nodes);
}

}  // namespace rain
