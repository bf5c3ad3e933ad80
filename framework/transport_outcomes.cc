// Transport: how the requests of this side end: a reply, their deadline, their caller, or the channel.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {
namespace {

// A channel that died by itself, or of a peer that was silent, is UNAVAILABLE.
FailureReason LossOf(const absl::Status& why, BytesSent sent) {
  if (!absl::IsUnavailable(why)) return FailureReason::hung_up;
  return sent == BytesSent::none ? FailureReason::lost_unsent : FailureReason::lost_sent;
}

}  // namespace

// The request has its outcome: it leaves every line and table. It was popped from requests_ already.
void Transport::Leave(Outgoing& request) {
  deadlines_.Cancel(request);
  OutgoingPool::Retire(request);
  counters_.in_flight.Subtract();
  if (request.stage == Stage::queued) GuardedAndLogged("the queue", [&] { queue().Remove(request); });
  if (request.stage == Stage::waiting) waiters_.Remove(request);
  box_->Refund(request);
  if (request.stage == Stage::sent) {
    window_requests_.Subtract();
    window_bytes_ -= request.size;
  }
  request.payload.clear();
}

void Transport::OnReply(MessageHeader&& header, Payload&& payload) {
  if (in_order()) {
    // To nothing: it shifts no other.
    if (ordered_->replies_received == ordered_->requests_sent) return counters_.late_replies.Add();
    header.id = MsgId(++ordered_->replies_received);
  }
  Outgoing* request = requests().Pop(header.id);
  if (request != nullptr && request->stage != Stage::sent) {  // its carried id is known here, and was not told to the peer
    requests().Add(*request);
    (void)requests().Bind(*request, MsgId(request->header.id));  // which it had until now
    request = nullptr;
  }
  if (request == nullptr) {
    counters_.late_replies.Add();
    return PumpQueue();
  }
  Leave(*request);
  if (header.kind == MessageKind::error) {
    EndedByError(header, payload);
  } else {
    counters_.replied.Add();
    Observe([&](Observer& observer) { observer.OnCallEnd(observed(), header, absl::OkStatus()); });
  }
  if (request->where == RunOn::loop || dispatcher_.runs_inline()) {
    Tell(*request->completion, Reply{std::move(header), std::move(payload)});
    shard_.nodes().RecycleInLoop(*request);
  } else {
    request->box = box_;
    dispatcher_.Deliver(Delivery(*request, std::move(header), std::move(payload), absl::OkStatus()));
  }
  PumpQueue();
}

// Its caller decodes it again, where it is told.
void Transport::EndedByError(const MessageHeader& header, const Payload& payload) {
  const absl::Status error =
      Guarded("the message codec, decoding an error,", [&] { return codec_.DecodeError(header, payload); });
  counters_.AddPeerError(error.ok() ? absl::StatusCode::kUnknown : error.code());
  Observe([&](Observer& observer) { observer.OnCallEnd(observed(), header, error); });
}

// How much of it peers may have got.
BytesSent Transport::SentOf(const Outgoing& request) const {
  if (request.stage != Stage::sent || link_ == nullptr) return request.sent_before;
  const uint64_t taken = link_->bytes_taken();
  if (request.sent_end <= taken) return BytesSent::all;
  return request.sent_end - request.packet_bytes < taken ? std::max(request.sent_before, BytesSent::part) : request.sent_before;
}

// No reply: the request, popped from requests_, ends with `why`.
void Transport::Fail(Outgoing& request, absl::Status why, Reason reason) {
  const BytesSent sent = SentOf(request);
  Fail(request, std::move(why), reason, sent);
}

void Transport::Fail(Outgoing& request, absl::Status why, Reason reason, BytesSent sent) {
  Leave(request);
  counters_.AddFailure(why.code(), reason.has_value() ? *reason : LossOf(why, sent));
  why = WithOrigin(WithBytesSent(std::move(why), sent), Origin::local);
  Observe([&](Observer& observer) { observer.OnCallEnd(observed(), request.header, why); });
  request.box = box_;
  TellFailure(dispatcher_, request, std::move(why));
}

// The same, by this side's will: the peer is told, if it has the request and the wire can say so.
void Transport::GiveUp(Outgoing& request, absl::Status why, FailureReason reason) {
  const bool written = request.stage == Stage::sent && link_ != nullptr;
  const bool tell = written && traits_.Has(MessageKind::cancel);
  const MsgId id = tell ? request.header.id : MsgId();
  const BytesSent sent = SentOf(request);
  Fail(request, std::move(why), reason, written && sent == BytesSent::none ? BytesSent::unknown : sent);
  if (written) given_up_ = now();
  if (tell && !ended_) SendControl(MessageKind::cancel, id);
}

void Transport::FailAll(const absl::Status& why, Reason reason) {
  if (requests_ == nullptr) return;
  const std::string where = box_->key().text();
  while (Outgoing* request = requests_->PopOldest()) Fail(*request, At(where, why), reason);
}

void Transport::TellFailure(Dispatcher& dispatcher, Outgoing& request, absl::Status why) {
  if (request.where == RunOn::loop) {
    Tell(*request.completion, request.header.id, std::move(why));
    request.box->shard().nodes().RecycleInLoop(request);
  } else {
    dispatcher.Deliver(Delivery(request, MessageHeader(), Payload(), std::move(why)));
  }
}

// In order, what was given up holds its place until its reply comes: from a peer that is gone without a word it never does.
bool Transport::IsHeldByTombstones() const {
  return in_order() && link_ != nullptr && !paused_ && window_requests_.value() == 0 && !WindowHas(0) &&
         now() - std::max(given_up_, last_read_) >= limits_.stall;
}

void Transport::OnDeadline(Outgoing& outgoing) {
  if (requests().Pop(outgoing.token) == nullptr) return;
  const bool waited = outgoing.stage == Stage::waiting;
  const FailureReason reason = outgoing.stage == Stage::sent ? FailureReason::deadline_awaiting
                               : !waited && link_ == nullptr ? FailureReason::deadline_connecting
                                                             : FailureReason::deadline_queued;
  const char* stage = reason == FailureReason::deadline_awaiting ? "no reply came in time"
                      : waited ? "it waited for room in the full queue, and there was none in time"
                      : reason == FailureReason::deadline_connecting ? "no channel in time"
                                                                     : "the queue moved too slowly";
  std::string why = absl::StrCat(box_->key().text(), ": ", stage);
  if (down()) {
    absl::StrAppend(&why, "; the last attempt: ", redialer_->failure().message());
  }
  GiveUp(outgoing, absl::DeadlineExceededError(why), reason);
  if (IsHeldByTombstones()) {
    return Hangup(
        absl::UnavailableError("the peer said nothing for limits.stall, while requests that were given up held the window"));
  }
  PumpQueue();
  OnQuieter();
}

bool Transport::Cancel(Token token) {
  Outgoing* request = requests().Pop(token);
  if (request == nullptr) return false;
  GiveUp(*request, absl::CancelledError("cancelled by the caller"), FailureReason::cancelled);
  Pump();
  OnQuieter();
  return true;
}

}  // namespace rain
