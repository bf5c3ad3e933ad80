// Transport: the requests of this side, from Submit until they are written. Their outcomes: transport_outcomes.cc.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {

absl::Status Transport::Submit(Submission& submission, Encode encode) {
  return MayWriteDirectly(submission) ? SubmitDirect(submission, encode) : SubmitQueued(submission, encode);
}

// Only where nothing waits before it, and nobody needs to look at the message on its way.
bool Transport::MayWriteDirectly(const Submission& submission) const {
  if (link_ == nullptr || draining() || !link_->CanWrite() || observer_ != nullptr || !answers_.empty()) return false;
  const MessageKind kind = submission.header.kind;
  if (kind != MessageKind::request && kind != MessageKind::one_way) return !in_order();
  if (!built_in_queue_ || !nothing_queued() || !waiters_.empty()) return false;
  if (kind == MessageKind::one_way) return true;
  if (submission.idempotent && redialer_ != nullptr) return false;  // kept until its reply
  return !holding_ && WindowHas(0);
}

// In order it is known what timed out here and is still worked on there.
size_t Transport::awaited_packets() const {
  return in_order() ? ordered_->requests_sent - ordered_->replies_received : window_requests_.value();
}

bool Transport::WindowHas(size_t bytes) const {
  const size_t requests = awaited_packets();
  return requests == 0 || (requests < limits_.window_requests && window_bytes_ + bytes <= limits_.window_bytes);
}

absl::Status Transport::SubmitDirect(Submission& submission, Encode encode) {
  return submission.is_request() ? AskDirect(submission, encode) : TellDirect(submission, encode);
}

absl::Status Transport::EncodeDirect(const MessageHeader& header, Encode encode) {
  Output& output = link_->output();
  if (absl::Status status = output.Begin(); !status.ok()) return status;
  absl::Status status = EncodeGuarded(traits_, header, encode, output);
  if (!status.ok()) output.Rewind();
  return status;
}

absl::Status Transport::TellDirect(const Submission& submission, Encode encode) {
  if (absl::Status status = CheckAnswered(submission.answered_bytes, submission.channel); !status.ok()) return status;
  if (absl::Status status = EncodeDirect(submission.header, encode); !status.ok()) return status;
  const absl::StatusOr<size_t> packet = link_->output().EndPacket();
  if (!packet.ok()) return packet.status();
  NoteAnswered(submission.header, submission.answered_bytes, nullptr);
  CountSent(submission.header.kind, *packet);
  link_->Sent(*packet);
  return absl::OkStatus();
}

absl::Status Transport::AskDirect(Submission& submission, Encode encode) {
  Output& output = link_->output();
  Outgoing& request = shard_.nodes().NewInLoop();
  if (traits_.ids == IdPolicy::assigned) submission.header.id = MsgId(request.token);
  absl::Status status = EncodeDirect(submission.header, encode);
  if (status.ok() && !WindowHas(output.size())) {
    output.Rewind();
    shard_.nodes().RecycleInLoop(request);
    if (traits_.ids == IdPolicy::assigned) submission.header.id = MsgId();
    return SubmitQueued(submission, encode);
  }
  if (status.ok()) {
    request.size = output.size();
    box_->Describe(submission, request);
    request.owner = this;
    requests().Add(request);
    status =
        requests().Bind(request, in_order() ? MsgId(ordered_->requests_sent + 1) : std::exchange(request.header.id, MsgId()));
    absl::StatusOr<size_t> packet = 0;
    if (!status.ok()) {
      output.Rewind();
    } else if (packet = output.EndPacket(); packet.ok()) {
      counters_.started.Add();
      counters_.in_flight.Add();
      deadlines_.Arm(request);
      Depart(request, *packet);
      return absl::OkStatus();
    } else {
      status = packet.status();
    }
    requests().Pop(request.token);
    OutgoingPool::Retire(request);  // its token may be in the caller's Cancellation
  }
  shard_.nodes().RecycleInLoop(request);
  return status;
}

absl::Status Transport::SubmitQueued(Submission& submission, Encode encode) {
  absl::StatusOr<Outgoing*> outgoing = box_->Prepare(submission, encode, true);
  if (!outgoing.ok()) return outgoing.status();
  FailureReason reason;  // the caller has the status
  absl::Status status = Admit(**outgoing, reason);
  if (!status.ok()) {
    box_->Refund(**outgoing);
    OutgoingPool::Retire(**outgoing);  // its token may be in the caller's Cancellation
    shard_.nodes().RecycleInLoop(**outgoing);
  }
  return status;
}

void Transport::Accept(Outgoing& outgoing) {
  PostBox& box = *outgoing.box;
  Shard& shard = box.shard();
  Transport* transport = box.transport();
  const bool is_answer = outgoing.answered_bytes > 0;
  FailureReason reason = FailureReason::closed;
  absl::Status status = transport != nullptr ? transport->Admit(outgoing, reason) : box.Closed();
  if (status.ok()) return;
  // Accepted from its caller, and at its end already: the outcome is told like any other.
  Dispatcher& dispatcher = shard.DispatcherOf(box.shared_protocol());
  box.Refund(outgoing);
  if (outgoing.header.kind == MessageKind::request) {
    OutgoingPool::Retire(outgoing);
    dispatcher.counters.started.Add();
    dispatcher.counters.AddFailure(status.code(), reason);
    TellFailure(dispatcher, outgoing, WithOrigin(WithBytesSent(std::move(status), BytesSent::none), Origin::local));
    return;
  }
  (is_answer ? dispatcher.counters.replies_dropped : dispatcher.counters.posts_dropped).Add();
  shard.nodes().RecycleInLoop(outgoing);
}

// A reply to a request that came on an earlier channel has nowhere to go.
absl::Status Transport::CheckAnswered(size_t answered_bytes, uint32_t channel) {
  if (answered_bytes == 0 || channel == channel_) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the channel to ", box_->key().text(), " that the request came on is closed"));
}

// Puts a prepared message in its line. Errors: ALREADY_EXISTS, CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE; the caller keeps the
// node then, and if it is a request, `reason` says what that counts as.
absl::Status Transport::Admit(Outgoing& outgoing, FailureReason& reason) {
  if (absl::Status status = CheckAnswered(outgoing.answered_bytes, outgoing.channel); !status.ok()) return status;
  if (draining() && outgoing.answered_bytes == 0 &&
      (outgoing.header.kind == MessageKind::request || outgoing.header.kind == MessageKind::one_way)) {
    reason = FailureReason::closed;
    return absl::CancelledError("this ListenRain is draining");
  }
  wanted_ |= link_ == nullptr;
  if (down() && !outgoing.wait_for_ready && !IsReply(outgoing.header.kind)) {
    reason = FailureReason::connect_failed;
    return At(box_->key().text(), redialer_->WhyDown());
  }
  switch (outgoing.header.kind) {
    case MessageKind::request: {
      if (outgoing.cancelled.load(std::memory_order_relaxed)) {
        reason = FailureReason::cancelled;
        return absl::CancelledError("cancelled by the caller");
      }
      if (outgoing.deadline <= now()) {
        reason = FailureReason::deadline_queued;
        return absl::DeadlineExceededError(absl::StrCat(box_->key().text(), ": its time was over before the loop came to it"));
      }
      outgoing.owner = this;
      requests().Add(outgoing);
      if (traits_.ids == IdPolicy::carried) {
        const MsgId id = std::move(outgoing.header.id);
        if (absl::Status status = requests().Bind(outgoing, id); !status.ok()) {
          requests().Pop(outgoing.token);
          reason = FailureReason::id_in_flight;
          return status;
        }
      }
      counters_.started.Add();
      counters_.in_flight.Add();
      if (outgoing.idempotent) retries_.OnRequest(limits_);
      deadlines_.Arm(outgoing);
      if (outgoing.waits) {
        AwaitRoom(outgoing);
        break;
      }
      outgoing.stage = Stage::queued;
      Enqueue(outgoing);
      break;
    }
    case MessageKind::one_way:
      Enqueue(outgoing);
      break;
    default:
      QueueAnswer(outgoing);
  }
  Pump();
  return absl::OkStatus();
}

// The id under which a queued request's reply will be found, as the packet leaves.
absl::Status Transport::GiveId(Outgoing& request) {
  if (in_order()) return requests().Bind(request, MsgId(ordered_->requests_sent + 1));
  if (traits_.ids == IdPolicy::carried) return absl::OkStatus();  // bound since it came
  if (absl::Status status = requests().Bind(request, MsgId(request.token)); !status.ok()) return status;
  return Guarded("the message codec, writing a header,", [&] {
    codec_.WriteHeader(request.header, {request.payload.front().mutable_data(), traits_.header_bytes});
    return absl::OkStatus();
  });
}

// The request's packet is in the link's output.
void Transport::Depart(Outgoing& request, size_t packet_bytes) {
  if (in_order()) ++ordered_->requests_sent;
  request.stage = Stage::sent;
  request.packet_bytes = packet_bytes;
  window_requests_.Add();
  window_bytes_ += request.size;
  CountSent(MessageKind::request, packet_bytes);
  link_->Sent(packet_bytes);
  if (request.charged) link_->Remember(request.size);
  request.sent_end = link_->end();
  request.charged = false;
  Observe([&](Observer& observer) { observer.OnCallBegin(observed(), request.header); });
}

void Transport::CountSent(MessageKind kind, size_t packet_bytes) {
  counters_.bytes_out.Add(packet_bytes);
  if (kind == MessageKind::one_way) counters_.posted.Add();
  if (IsReply(kind)) counters_.replies_sent.Add();
  if (kind == MessageKind::error) counters_.errors_sent.Add();
  if (kind == MessageKind::ping) before_ping_ = link_->end();
}

void Transport::WriteQueued(Outgoing& outgoing) {
  const bool request = outgoing.header.kind == MessageKind::request;
  absl::Status status;
  if (!outgoing.deadline.infinite()) outgoing.header.remaining = outgoing.deadline - now();
  if (request) status = GiveId(outgoing);
  if (status.ok()) {
    Observe([&](Observer& observer) { observer.OnPacketOut(observed(), outgoing.header, outgoing.payload); });
    const bool kept = request && outgoing.idempotent && redialer_ != nullptr;  // for another channel, should this one die
    const absl::StatusOr<size_t> packet =
        link_->output().Append(kept ? Share(outgoing.payload) : std::exchange(outgoing.payload, Payload()));
    if (packet.ok()) {
      if (request) return Depart(outgoing, *packet);
      CountSent(outgoing.header.kind, *packet);
      link_->Sent(*packet);
      if (outgoing.charged) link_->Remember(outgoing.size);
      shard_.nodes().RecycleInLoop(outgoing);
      return;
    }
    status = packet.status();
  }
  outgoing.stage = Stage::submitted;  // in no line any more
  request ? WriteFailed(outgoing, std::move(status)) : DropPost(outgoing);
}

void Transport::WriteFailed(Outgoing& request, absl::Status why) {
  if (requests().Pop(request.token) == nullptr) return;
  const FailureReason reason = absl::IsResourceExhausted(why) ? FailureReason::too_large
                               : absl::IsAlreadyExists(why)   ? FailureReason::id_in_flight
                                                              : FailureReason::part_failed;
  Fail(request, std::move(why), reason);
}

void Transport::DropPost(Outgoing& post) {
  counters_.posts_dropped.Add();
  box_->Refund(post);
  shard_.nodes().RecycleInLoop(post);
}

}  // namespace rain
