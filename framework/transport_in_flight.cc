// Transport: what is in flight on it, for those who look.
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "listenrain/framework/transport.h"

namespace rain {
namespace {

struct SeenCall {
  Instant begun;
  Instant deadline;
  const MsgId* id;
  CallStage stage;
  size_t bytes;
};

// Calls of one moment are told apart by their ids, so that the order in a hash table is nowhere to be seen.
bool Older(const SeenCall& a, const SeenCall& b) {
  const auto key = [](const SeenCall& call) {
    return std::make_tuple(call.begun, call.id->is_bytes(), call.id->integer(), call.id->bytes());
  };
  return key(a) < key(b);
}

// The oldest of what it is shown: a heap, the youngest of them on top.
class OldestCalls {
 public:
  explicit OldestCalls(size_t most) : most_(most) {}

  void Show(const SeenCall& call) {
    if (calls_.size() == most_) {
      if (most_ == 0 || !Older(call, calls_.front())) return;
      std::pop_heap(calls_.begin(), calls_.end(), Older);
      calls_.pop_back();
    }
    calls_.push_back(call);
    std::push_heap(calls_.begin(), calls_.end(), Older);
  }

  std::vector<InFlightCall> Take(Instant now) {
    std::sort_heap(calls_.begin(), calls_.end(), Older);
    std::vector<InFlightCall> taken;
    taken.reserve(calls_.size());
    for (const SeenCall& call : calls_) {
      taken.push_back({*call.id, call.stage, now - call.begun, call.deadline - now, call.bytes});
    }
    return taken;
  }

 private:
  const size_t most_;
  std::vector<SeenCall> calls_;
};

}  // namespace

CallStage Transport::StageOf(const Outgoing& request) const {
  if (request.stage != Stage::sent || link_ == nullptr) return CallStage::queued;
  return request.sent_end <= link_->bytes_taken() ? CallStage::awaiting : CallStage::writing;
}

TransportInFlight Transport::InFlight(size_t most_calls) const {
  TransportInFlight found;
  found.protocol = box_->protocol().name;
  found.key = box_->key();
  found.role = box_->role();
  found.state = box_->state();
  found.peer = box_->peer();
  found.requests = requests_ == nullptr ? 0 : requests_->size();
  found.peer_requests = asked_by_id_.made() ? asked_by_id_.get()->size() : 0;
  found.queued_packets = box_->budget().packets();
  found.queued_bytes = box_->budget().bytes();
  found.pending_bytes = link_ == nullptr ? 0 : link_->pending_bytes();

  OldestCalls oldest(most_calls);
  size_t left = most_calls;
  GuardedAndLogged("the stat machine pool", [&] {
    if (requests_ == nullptr) return;
    requests_->Visit([&](const Outgoing& request) {
      if (left == 0) return false;
      oldest.Show({request.begun, request.deadline, &request.header.id, StageOf(request), request.size});
      return --left > 0;
    });
  });
  const auto show_asked = [&](const MsgId& id, const Asked& asked) {
    const Outgoing* early = EarlyAnswer(id);  // whose request it is until then
    oldest.Show({asked.came, asked.deadline, &id, early == nullptr ? CallStage::dispatched : CallStage::replying,
                 early == nullptr ? asked.bytes : early->size});
  };
  if (asked_by_id_.made()) {
    for (const auto& [id, asked] : *asked_by_id_.get()) show_asked(id, asked);
  }
  for (const Outgoing* answer = answers_.front(); answer != nullptr; answer = answer->queue_hook.next) {
    if (!IsReply(answer->header.kind)) continue;
    ++found.peer_requests;
    oldest.Show({answer->begun, answer->deadline, &answer->header.id, CallStage::replying, answer->size});
  }
  found.calls = oldest.Take(now());
  return found;
}

const Outgoing* Transport::EarlyAnswer(const MsgId& id) const {
  if (!in_order()) return nullptr;
  const Ring<Outgoing*>& early = ordered_->early_answers;
  const uint64_t place = id.integer() - ordered_->next_answer;
  return place < early.size() ? early[place] : nullptr;
}

}  // namespace rain
