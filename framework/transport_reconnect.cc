// Transport: what becomes of its requests when a dialed channel dies, and the next channel.
#include <algorithm>
#include <utility>

#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {

void Transport::Dial(std::unique_ptr<ChannelGenerator> generator) {
  box_->set_state(LinkState::connecting);
  redialer_ = std::make_unique<Redialer>(shard_.loop(), std::move(generator), static_cast<RedialEvents&>(*this));
  redialer_->Dial();
}

void Transport::OnDialed(std::unique_ptr<Channel> channel) {
  if (!ended_) Attach(std::move(channel));
}

constexpr absl::Duration kPatience = absl::Seconds(1);

// The channel in use serves on until nothing is in flight on it. If that does not come by itself, requests wait for it, though
// not for long: what is in flight may take its time. Then the better channel is given up, and another one asked for later.
void Transport::OnBetter(std::unique_ptr<Channel> channel) {
  if (ended_) return;
  if (link_ == nullptr) return MoveTo(std::move(channel));
  better_ = std::move(channel);
  hold_.Start(*this, loop(), Patience());
  MaybeMove();
}

void Transport::OnPatienceOver() {
  if (!std::exchange(holding_, true)) return hold_.Start(*this, loop(), Patience());
  holding_ = leaving_;
  better_ = nullptr;
  redialer_->Decline();
  Pump();
}

void Transport::MoveTo(std::unique_ptr<Channel> better) {
  redialer_->Move();
  Attach(std::move(better));
}

// A channel that nobody reads answers no pings: it is held for a part of the time after which its peer would leave it.
absl::Duration Transport::Patience() const { return std::min(kPatience, box_->protocol().keepalive / 4); }

// The peer answers what it was asked, and will take no more.
void Transport::OnGoAway() {
  if (redialer_ == nullptr) return counters_.skipped.Add();
  leaving_ = holding_ = true;
}

// Replies that nobody waits for any more are none to wait for.
bool Transport::Quiet() const {
  return window_requests_.value() == 0 && asked_ == 0 && answers_.empty() && link_->pending_bytes() == 0;
}

void Transport::MaybeMove() {
  if (ended_ || link_ == nullptr || !Quiet()) return;
  if (better_ != nullptr) {
    const absl::Status why = absl::CancelledError("another channel took over");
    link_->Discard(why);
    Unlink(why);
    return MoveTo(std::move(better_));
  }
  if (leaving_) Hangup(absl::UnavailableError("the peer went away"));
}

// Nothing is known of the present channel any more.
void Transport::Unlink(const absl::Status& why) {
  EndUpkeep();
  TellDisconnected(why);
  box_->set_state(LinkState::connecting);
  wanted_ = false;
  ForgetPeersRequests();
  ReleaseCharges();
  counters_.channels_closed.Add();
  if (in_order()) ordered_->requests_sent = ordered_->replies_received = 0;
  box_->set_channel(++channel_);  // of no channel: what is answered now goes nowhere
  // It is on the stack; and it ends before what it has from the shard, which the box holds.
  shard_.loop().Run([dead = std::make_pair(box_, std::move(link_))] {});
}

// The peer's messages are waited for, or somebody's are to be sent. A key that nobody uses any more is not dialed for ever: its
// transport ends as an unused one does.
bool Transport::OnAttemptDue() {
  if (ended_) return false;
  const bool wanted = std::exchange(wanted_, false) || sink_ != nullptr || !AsksNothing();
  if (ended_) return false;
  if (!wanted) Rest("the channel is gone, and nobody asked for another one");
  return wanted;
}

void Transport::OnGivenUp(absl::Status why) { EndBecause(std::move(why), FailureReason::connect_failed); }

// What would not wait for a server that is down fails now, with the reason.
void Transport::OnDialFailed(const absl::Status& why) {
  if (ended_) return;
  box_->set_state(LinkState::down);
  TellReady(At(box_->key().text(), why));
  FailWaiters(why);
  const absl::Status swept = Guarded("the queue", [&] {
    std::vector<Outgoing*> waiting;
    while (Outgoing* next = queue().Pop()) {
      if (next->wait_for_ready) {
        waiting.push_back(next);
        continue;
      }
      next->stage = Stage::submitted;
      if (next->header.kind != MessageKind::request) {
        DropPost(*next);
      } else if (requests().Pop(next->token) != nullptr) {
        Fail(*next, At(box_->key().text(), why), FailureReason::connect_failed);
      }
    }
    for (Outgoing* next : waiting) queue().Push(*next);
    return absl::OkStatus();
  });
  if (!swept.ok()) return EndBecause(absl::InternalError(swept.message()), FailureReason::part_failed);
  MaybeFinish();
}

// The channel is of no more use. What it knows of a dialed one's requests is settled when it has closed.
void Transport::Hangup(absl::Status why) {
  if (redialer_ == nullptr) return EndBecause(std::move(why), std::nullopt);
  if (link_ != nullptr) link_->Close(std::move(why));
}

void Transport::Lose(absl::Status why) {
  const absl::Duration lived = first_read_.infinite() ? absl::ZeroDuration() : now() - first_read_;
  const absl::Status queued = Guarded("the queue", [&] {
    SettleSent(why);
    return absl::OkStatus();
  });
  Unlink(why);
  if (!queued.ok()) return EndBecause(absl::InternalError(queued.message()), FailureReason::part_failed);
  MaybeFinish();
  if (ended_) return;
  if (better_ != nullptr) return MoveTo(std::move(better_));
  if (!redialer_->Redial(why, lived)) EndBecause(std::move(why), std::nullopt);
}

// Packets of which no byte was taken go back to the queue's front, in their order, with idempotent requests that were taken, if
// the budget allows. Other requests that were taken fail.
void Transport::SettleSent(const absl::Status& why) {
  std::vector<UntakenPacket> untaken = link_->TakeUntaken();
  std::vector<Outgoing*> sent;
  std::vector<Outgoing*> queued;
  while (Outgoing* request = requests().PopOldest()) (request->stage == Stage::sent ? sent : queued).push_back(request);
  std::sort(sent.begin(), sent.end(), [](const Outgoing* a, const Outgoing* b) { return a->sent_end < b->sent_end; });
  const std::vector<Outgoing*> again = SortSent(std::move(untaken), std::move(sent), why);
  // Those that were sent are older, in the pool as in the queue.
  for (Outgoing* next : again) {
    if (next->header.kind == MessageKind::request) AddAgain(*next);
  }
  for (Outgoing* request : queued) AddAgain(*request);
  for (auto next = again.rbegin(); next != again.rend(); ++next) {
    queue().PushFront(**next);
    (*next)->stage = Stage::queued;
  }
}

void Transport::AddAgain(Outgoing& request) {
  requests().Add(request);
  if (traits_.ids == IdPolicy::carried) (void)requests().Bind(request, MsgId(request.header.id));  // which it had until now
}

// Returns those that are to be queued, charged already; fails the others.
std::vector<Outgoing*> Transport::SortSent(std::vector<UntakenPacket> untaken, std::vector<Outgoing*> sent,
                                           const absl::Status& why) {
  std::vector<Outgoing*> again;
  std::vector<Outgoing*> over;
  auto packet = untaken.begin();
  for (Outgoing* request : sent) {
    for (; packet != untaken.end() && packet->end < request->sent_end; ++packet) {
      if (Outgoing* post = PostOf(std::move(*packet)); post != nullptr) again.push_back(post);
    }
    if (packet != untaken.end() && packet->end == request->sent_end) {
      request->payload = std::move(packet++->payload);
      again.push_back(request);
    } else {
      const bool once_more = !request->payload.empty() && request->sent_before == BytesSent::none && retries_.Take();
      request->sent_before = SentOf(*request);
      (once_more ? again : over).push_back(request);
    }
  }
  for (; packet != untaken.end(); ++packet) {
    if (Outgoing* post = PostOf(std::move(*packet)); post != nullptr) again.push_back(post);
  }
  for (Outgoing* request : over) Fail(*request, At(box_->key().text(), why), std::nullopt);
  window_requests_.Subtract(window_requests_.value());
  window_bytes_ = 0;
  for (Outgoing* next : again) {
    next->stage = Stage::submitted;
    box_->budget().ChargeAgain(next->size);
    next->charged = true;
    if (in_order() && next->header.kind == MessageKind::request) next->header.id = MsgId();
  }
  return again;
}

// The node of an untaken one-way message; null for what was meant for the channel that died (replies, pings).
Outgoing* Transport::PostOf(UntakenPacket packet) {
  if (!traits_.Has(MessageKind::one_way)) return nullptr;
  absl::StatusOr<MessageHeader> header = Peek(packet.payload);
  if (!header.ok() || header->kind != MessageKind::one_way) return nullptr;
  Outgoing& post = shard_.nodes().NewInLoop();
  post.header = *std::move(header);
  post.size = SizeOf(packet.payload);
  post.payload = std::move(packet.payload);
  return &post;
}

// What was written weighs in the budget no more, taken or not.
void Transport::ReleaseCharges() { link_->ForgetCharged(); }

// Nobody waits for what the peer asked on the channel that died.
void Transport::ForgetPeersRequests() {
  while (Outgoing* answer = answers_.PopFront()) DropAnswer(*answer);
  if (in_order()) {
    for (Ring<Outgoing*> early = std::exchange(ordered_->early_answers, {}); !early.empty(); early.pop_front()) {
      if (early.front() != nullptr) DropAnswer(*early.front());
    }
    ordered_->requests_received = 0;
    ordered_->next_answer = 1;
  }
  answers_bytes_ = asked_ = asked_bytes_ = 0;
  asked_by_id_.Take();
  handling_ = nullptr;
  paused_ = false;
  stall_.Stop();
}

}  // namespace rain
