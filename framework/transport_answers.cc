// Transport: the peer's requests, from their packet to the reply.
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {
namespace {

constexpr absl::Duration kSpent = absl::Microseconds(1);  // what is left of no time, on wires that round up

}  // namespace

void Transport::OnRequest(MessageHeader&& header, Payload&& payload) {
  const bool one_way = header.kind == MessageKind::one_way;
  (one_way ? counters_.posts_received : counters_.requests_received).Add();
  if (in_order() && !one_way) header.id = MsgId(++ordered_->requests_received);
  const size_t bytes = SizeOf(payload) + 1;  // never 0: that marks what is no answer
  if (sink_ == nullptr) {
    if (one_way) return counters_.skipped.Add();
    return Refuse(header, absl::UnimplementedError("this side handles no requests: it registered no router"));
  }
  if (draining() && !one_way) {
    ++draining_->report.refused;
    return Refuse(header, absl::UnavailableError("the server is draining: ask another one"));
  }
  // In order, where the wire has no errors, each request needs a handler's reply.
  const bool may_expire = !one_way && (!in_order() || traits_.Has(MessageKind::error));
  if (may_expire && header.remaining <= kSpent) {
    counters_.expired.AddShared();
    return AnswerError(header.id, Late(), false);
  }
  const bool inside = dispatcher_.runs_inline();  // the handler runs now, and may answer now
  const absl::Duration remaining = header.remaining;
  Instant deadline = Instant::Infinite();
  if (!one_way) {
    // asked_bytes_ counts one more for each than the peer's own window does.
    if (asked_ > 0 && (asked_ >= limits_.window_requests || asked_bytes_ - asked_ + bytes - 1 > limits_.window_bytes)) {
      return Refuse(header, absl::ResourceExhaustedError(absl::StrCat(
                                "more than ", asked_,
                                " requests in flight on this transport: configure limits.window alike on both sides")));
    }
    bool in_flight = false;
    if (inside) {
      in_flight = asked_by_id_.made() && asked_by_id_->contains(header.id);
    } else {
      deadline = now() + remaining;
      in_flight = !asked_by_id_->try_emplace(header.id, Asked{now(), deadline, bytes - 1}).second;
    }
    if (in_flight) {
      return Refuse(header,
                    absl::AlreadyExistsError(absl::StrCat("a request with msgID ", ToString(header.id), " is in flight")));
    }
    ++asked_;
    asked_bytes_ += bytes;
  } else {
    box_->PostArrived(bytes);
  }
  Incoming incoming{boxes_.Take(), boxes_.Take(), std::move(header), std::move(payload), bytes, channel_};
  if (!inside) {
    if (may_expire) incoming.deadline = deadline;
    dispatcher_.Deliver(Delivery(sink_, std::move(incoming)));
    if (one_way) WatchBacklog();
    return;
  }
  const MsgId id = incoming.header.id;
  handling_ = one_way ? nullptr : &id;
  HandleNow(*sink_, std::move(incoming));
  if (handling_ != nullptr && !ended_) asked_by_id_->try_emplace(id, Asked{now(), now() + remaining, bytes - 1});
  handling_ = nullptr;
}

void Transport::Refuse(const MessageHeader& request, absl::Status why) {
  counters_.requests_refused.Add();
  AnswerError(request.id, why, false);
}

// An error reply that no handler made: behind the others, or (in_place) as the next packet. In order, where a gap would shift all
// replies, the channel ends if there can be none.
void Transport::AnswerError(const MsgId& id, const absl::Status& why, bool in_place) {
  const bool has_errors = traits_.Has(MessageKind::error);
  if (has_errors) {
    Submission error;
    error.header.id = id;
    error.header.kind = MessageKind::error;
    error.begun = now();
    const auto encode = [&](const MessageHeader& header, PayloadWriter& to) { return codec_.EncodeError(header, why, to); };
    if ((in_place ? SubmitDirect(error, encode) : Submit(error, encode)).ok()) return;
    counters_.replies_dropped.Add();
  }
  if (in_order()) Hangup(At(has_errors ? "an error reply could not be written" : "the protocol has no error replies", why));
}

// A message that is a header alone, where the wire has its kind.
void Transport::SendControl(MessageKind kind, const MsgId& id) {
  if (!traits_.Has(kind)) return;
  Submission control;
  control.header.id = id;
  control.header.kind = kind;
  const absl::Status sent = Submit(control, [&](const MessageHeader& header, PayloadWriter& to) {
    const absl::Span<char> first = to.Reserve(traits_.header_bytes);
    if (first.empty()) return to.status();
    codec_.WriteHeader(header, first);  // what it throws is caught around this
    to.Commit(first.size());
    return absl::OkStatus();
  });
  if (!sent.ok()) counters_.skipped.Add();
}

// A reply is on its way: its request weighs in the window no more. `answer`, unless null, is the reply that waits, and takes over
// what is known of its request.
void Transport::NoteAnswered(const MessageHeader& reply, size_t bytes, Outgoing* answer) {
  if (bytes == 0) return;
  --asked_;
  if (draining()) ++draining_->report.completed;
  box_->Forget(reply.id);
  asked_bytes_ -= bytes;
  if (handling_ != nullptr && *handling_ == reply.id) {
    handling_ = nullptr;
    if (answer != nullptr) answer->begun = now();
  } else if (answer == nullptr) {
    asked_by_id_->erase(reply.id);
  } else if (const auto found = asked_by_id_->find(reply.id); found != asked_by_id_->end()) {
    answer->begun = found->second.came;
    answer->deadline = found->second.deadline;
    asked_by_id_->erase(found);
  }
}

void Transport::DropUnanswered(const MsgId& id, size_t bytes, uint32_t channel) {
  if (channel != channel_) return counters_.replies_dropped.Add();
  MessageHeader header;
  header.id = id;
  NoteAnswered(header, bytes, nullptr);
  counters_.replies_dropped.Add();
  if (in_order()) {
    Hangup(absl::InternalError("a request failed, and no error reply can say so in order"));
  } else {
    MaybeFinish();
  }
}

// In order, a reply that comes early waits for those before it, and its request stays in the window until then.
void Transport::QueueAnswer(Outgoing& answer) {
  answers_bytes_ += answer.size;
  if (!in_order() || !IsReply(answer.header.kind)) return LineUp(answer);
  assert(answer.header.id.integer() >= ordered_->next_answer);
  const uint64_t place = answer.header.id.integer() - ordered_->next_answer;
  Ring<Outgoing*>& early = ordered_->early_answers;
  while (early.size() <= place) early.push_back(nullptr);
  early[place] = &answer;
  while (!early.empty() && early.front() != nullptr) {
    Outgoing& next = *early.front();
    early.pop_front();
    ++ordered_->next_answer;
    LineUp(next);
  }
}

void Transport::LineUp(Outgoing& answer) {
  NoteAnswered(answer.header, answer.answered_bytes, &answer);
  answers_.PushBack(answer);
}

void Transport::WriteAnswer(Outgoing& answer) {
  Observe([&](Observer& observer) { observer.OnPacketOut(observed(), answer.header, answer.payload); });
  const absl::StatusOr<size_t> packet = link_->output().Append(std::exchange(answer.payload, Payload()));
  if (packet.ok()) {
    CountSent(answer.header.kind, *packet);
    link_->Sent(*packet);
    shard_.nodes().RecycleInLoop(answer);
    return;
  }
  const MessageHeader header = answer.header;
  DropAnswer(answer);
  if (header.kind == MessageKind::reply) {
    AnswerError(header.id, packet.status(), true);
  } else if (header.kind == MessageKind::error && in_order()) {
    Hangup(At("an error reply could not be written", packet.status()));
  }
}

void Transport::DropAnswer(Outgoing& answer) {
  (IsReply(answer.header.kind) ? counters_.replies_dropped : counters_.skipped).Add();
  shard_.nodes().RecycleInLoop(answer);
}

// Reads no more while the peer takes no replies, or while one-way messages wait for handlers.
void Transport::WatchBacklog() {
  if (ended_ || link_ == nullptr) return;
  const size_t answers = answers_.size() + (in_order() ? ordered_->early_answers.size() : 0);
  const bool full = answers_bytes_ > limits_.max_queued_bytes || answers > limits_.max_queued_packets ||
                    box_->unhandled_bytes() > limits_.max_queued_bytes;
  const bool light = answers_bytes_ <= limits_.max_queued_bytes / 2 && answers <= limits_.max_queued_packets / 2 &&
                     box_->unhandled_bytes() <= limits_.max_queued_bytes / 2;
  if (!paused_ && full) {
    paused_ = true;
    link_->SetReading(false);
    taken_at_pause_ = link_->bytes_taken();
    stall_.Start(*this, loop(), limits_.stall);
  } else if (paused_ && light) {
    paused_ = false;
    last_read_ = now();  // what came meanwhile is read from here on, the answer to a ping too
    pinged_ = false;
    stall_.Stop();
    link_->SetReading(true);
  }
}

void Transport::OnStalled() {
  if (!answers_.empty() && link_->bytes_taken() == taken_at_pause_) {
    return Hangup(absl::ResourceExhaustedError(
        absl::StrCat("the peer took no byte for limits.stall while ", answers_bytes_, " bytes of replies waited for it")));
  }
  taken_at_pause_ = link_->bytes_taken();
  stall_.Start(*this, loop(), limits_.stall);
}

// After the end of a peer that dialed, or while draining, what it asked is still answered; then the transport goes.
void Transport::MaybeFinish() {
  const bool peer_ended = box_->role() == Role::acceptor && link_ != nullptr && link_->reading_ended();
  if (ended_ || (!peer_ended && !draining())) return;
  if (asked_ > 0 || !answers_.empty() || (link_ != nullptr && link_->pending_bytes() > 0)) return;
  if (peer_ended) return EndBecause(absl::UnavailableError("the peer closed the channel"), std::nullopt);
  // Draining. A peer that can be told goes by itself, when it has what it waits for; another one sees the end.
  if (box_->role() == Role::dialer) {
    if (AsksNothing()) End(absl::CancelledError("drained"));
  } else if (!traits_.Has(MessageKind::go_away)) {
    link_->CloseWrite();
  }
}

void Transport::BeginDrain(const Ref<Drain>& drain) {
  if (ended_) return;
  drain->Join(*this);
  draining_->drains.push_back(drain);
  if (draining_->drains.size() > 1) return;
  if (box_->role() == Role::acceptor) SendControl(MessageKind::go_away, MsgId());
  MaybeFinish();
}

// Nobody waits for this one any more. Its handler may look, or be told.
void Transport::OnCancel(const MsgId& id) {
  if ((handling_ != nullptr && *handling_ == id) || (asked_by_id_.made() && asked_by_id_->contains(id)))
    return box_->NoteCancelled(id);
  counters_.skipped.Add();
}

}  // namespace rain
