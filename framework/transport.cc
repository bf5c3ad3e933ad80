// The life of a transport: from dial or accept to its end. Requests: transport_requests.cc and transport_answers.cc.
#include "listenrain/framework/transport.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/status.h"

namespace rain {

Transport::Transport(Ref<PostBox> box, std::shared_ptr<const RequestSink> sink, Ref<TransportKeeper> keeper)
    : box_(std::move(box)),
      boxes_(box_),
      shard_(box_->shard()),
      dispatcher_(shard_.DispatcherOf(box_->shared_protocol())),
      counters_(dispatcher_.counters),
      codec_(*box_->protocol().header_codec),
      traits_(box_->protocol().traits),
      limits_(box_->protocol().limits),
      ordered_(traits_.ids == IdPolicy::in_order ? MakeRare<Ordered>() : nullptr),
      observer_(shard_.observer()),
      sink_(std::move(sink)),
      keeper_(std::move(keeper)),
      channel_(box_->channel()),
      built_in_queue_(box_->protocol().queue == nullptr),
      queue_(built_in_queue_ ? nullptr : box_->protocol().queue()),
      requests_(box_->protocol().stat_machines == nullptr ? nullptr : box_->protocol().stat_machines(shard_.nodes())),
      deadlines_(shard_.loop()),
      window_requests_(box_->in_flight()),
      retries_(limits_) {
  box_->set_transport(this);
}

Transport::~Transport() {
  if (!ended_) box_->set_transport(nullptr);
}

void Transport::Attach(std::unique_ptr<Channel> channel) {
  box_->set_peer(channel->peer());
  box_->set_channel(++channel_);
  first_read_ = Instant::Infinite();
  leaving_ = holding_ = false;
  hold_.Stop();
  counters_.channels_opened.Add();
  link_ = std::make_unique<Link>(loop(), dispatcher_.traffic, redialer_ != nullptr, std::move(channel),
                                 static_cast<LinkEvents&>(*this));
  BeginUpkeep();
  TellConnected();
  Pump();
}

ObservedTransport Transport::observed() const { return {box_->protocol().name, box_->key().text(), box_->role(), box_->peer()}; }

void Transport::EndBecause(absl::Status why, Reason reason) {
  if (ended_) return;
  ended_ = true;
  shard_.Bury(*this);
  box_->set_transport(nullptr);
  if (draining()) draining_->report.aborted = asked_;
  keeper_->OnGone(*box_);
  if (link_ != nullptr && box_->role() == Role::acceptor) link_->WriteOut();  // replies of this turn
  FailAll(why, reason);
  GuardedAndLogged("the queue", [this] {
    while (Outgoing* post = queue_ == nullptr ? nullptr : queue_->Pop()) DropPost(*post);
  });
  TellRoom();
  ForgetPeersRequests();
  EndUpkeep();
  hold_.Stop();
  TellReady(why);
  if (link_ != nullptr) {
    ReleaseCharges();
    // A dialer's callers are told; of what an accepted peer did wrong nobody else hears.
    if (box_->role() == Role::acceptor && (absl::IsDataLoss(why) || absl::IsResourceExhausted(why))) LogOfPeer(why.message());
    TellDisconnected(why);
    link_->Close(std::move(why));
    counters_.channels_closed.Add();
  }
  if (sink_ == nullptr || !sink_->watches_connections()) box_->ClearSession();  // else once its end was told
  redialer_.reset();
  better_.reset();
  const Draining over = draining_.Take();
  for (const Ref<Drain>& drain : over.drains) drain->Leave(*this, over.report);
}

void Transport::LogOfPeer(absl::string_view what) const {
  Log(Severity::warning, absl::StrCat("protocol \"", box_->protocol().name, "\" at ", box_->key().text()),
      absl::StrCat("the peer ", box_->peer().address, ": ", what));
}

// The kind decides who is told; a kind that nobody here knows ends the channel, unless it is marked as optional.
bool Transport::OnPacket(Payload&& payload) {
  if (ended_) return false;
  counters_.bytes_in.Add(SizeOf(payload));
  absl::StatusOr<MessageHeader> header = Peek(payload);
  if (!header.ok()) {
    counters_.undecodable.Add();
    if (!std::exchange(was_undecodable_, true)) {
      LogOfPeer(absl::StrCat("sent a packet that is no message, which was dropped, as the next ones will be without a word: ",
                             header.status().message()));
    }
    if (in_order()) Hangup(At("undecodable message", header.status()));
    return Reading();
  }
  Observe([&](Observer& observer) { observer.OnPacketIn(observed(), *header, payload); });
  switch (header->kind) {
    case MessageKind::reply:
    case MessageKind::error:
      OnReply(std::move(*header), std::move(payload));
      break;
    case MessageKind::request:
    case MessageKind::one_way:
      OnRequest(std::move(*header), std::move(payload));
      break;
    case MessageKind::ping:
      SendControl(MessageKind::pong, header->id);
      break;
    case MessageKind::go_away:
      OnGoAway();
      break;
    case MessageKind::cancel:
      OnCancel(header->id);
      break;
    case MessageKind::pong:
      counters_.skipped.Add();
      break;
    default:
      counters_.skipped.Add();
      if ((header->flags & kOptionalKindFlag) == 0) {
        Hangup(absl::DataLossError(absl::StrCat("the peer sent a message of kind ", static_cast<int>(header->kind),
                                                ", which this side does not know and which is not marked as optional")));
      }
  }
  return Reading();
}

absl::StatusOr<MessageHeader> Transport::Peek(const Payload& payload) const {
  if (payload.front().size() < traits_.header_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a payload of ", SizeOf(payload), " bytes is shorter than the message header, ", traits_.header_bytes));
  }
  return Guarded("the message codec, reading a header,", [&] { return codec_.PeekHeader(payload, box_->role()); });
}

// Less is under way than before: what waited for the last of it may come now.
void Transport::OnQuieter() {
  if (holding_ || better_ != nullptr) MaybeMove();
  MaybeFinish();
}

void Transport::OnTaken(const ChargedPacket& packet) { box_->budget().Release(packet.charge); }

void Transport::OnWritable() {
  if (ended_) return;
  if (!answers_.empty() || !built_in_queue_ || !nothing_queued() || paused_) Pump();
  OnQuieter();
}

// Nobody replies any more. An acceptor still answers what it was asked before.
void Transport::OnLinkEnd() {
  const absl::Status why = absl::UnavailableError("the peer closed the channel");
  if (box_->role() == Role::dialer) return Hangup(why);
  FailAll(why, std::nullopt);
  MaybeFinish();
}

void Transport::OnLinkClosed(absl::Status why) {
  if (why.ok()) why = absl::UnavailableError("the channel was closed");
  if (ended_ || redialer_ == nullptr) return EndBecause(std::move(why), std::nullopt);
  Lose(std::move(why));
}

}  // namespace rain
