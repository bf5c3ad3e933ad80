// Transport: what it does while nothing happens, and what it tells of its channels.
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {
namespace {

constexpr absl::Duration kTrimAfter = absl::Seconds(1);

}  // namespace

void Transport::BeginUpkeep() {
  last_read_ = now();
  pinged_ = false;
  const ProtocolParts& protocol = box_->protocol();
  if (protocol.keepalive < absl::InfiniteDuration()) keepalive_.Start(*this, loop(), protocol.keepalive);
  if (redialer_ != nullptr && protocol.pool.max_idle < absl::InfiniteDuration())
    rest_.Start(*this, loop(), protocol.pool.max_idle);
}

void Transport::EndUpkeep() {
  keepalive_.Stop();
  rest_.Stop();
  idle_.Stop();
}

void Transport::OnReadDone() {
  last_read_ = now();
  pinged_ = false;
  if (first_read_.infinite()) first_read_ = last_read_;
  if (!ended_ && !idle_.running()) idle_.Start(loop(), kTrimAfter);
  if (holding_ || better_ != nullptr || draining()) OnQuieter();
}

// After a while without traffic, the tables that traffic needed are given back.
void Transport::OnIdle() {
  const absl::Duration silent = now() - last_read_;
  if (silent < kTrimAfter) return idle_.Start(loop(), kTrimAfter - silent);
  if (link_ != nullptr) link_->Trim();
  if (built_in_queue_ && nothing_queued()) queue_ = nullptr;
  if (box_->protocol().stat_machines == nullptr && requests_ != nullptr && requests_->size() == 0) requests_ = nullptr;
  if (asked_by_id_.made() && asked_by_id_->empty()) asked_by_id_.Take();
  if (in_order()) ordered_->early_answers.Trim();
  shard_.OnQuiet();
}

// A peer that has been silent is asked for a sign of life, and given up if it gives none. One that is not read says nothing, and
// one that takes what is written before the ping, however slowly, has not been asked yet.
void Transport::OnKeepalive() {
  const absl::Duration period = box_->protocol().keepalive;
  const absl::Duration silent = now() - last_read_;
  if (!pinged_ && silent < period) return keepalive_.Start(*this, loop(), period - silent);
  keepalive_.Start(*this, loop(), period);
  if (paused_) return;
  // A peer that is wholly gone looks like one that only writes no more, until something is sent to it.
  if (link_->reading_ended()) return SendControl(MessageKind::ping, MsgId());
  const uint64_t taken_before = std::exchange(taken_at_look_, link_->bytes_taken());
  if (pinged_ && taken_before < before_ping_ && taken_before < taken_at_look_) return;
  if (pinged_) {
    return Hangup(absl::UnavailableError(
        absl::StrCat("the peer was silent for ", absl::FormatDuration(silent), ", and did not answer a ping (keepalive)")));
  }
  pinged_ = true;
  before_ping_ = UINT64_MAX;  // until it is written: replies go before it
  SendControl(MessageKind::ping, MsgId());
}

// A dialed transport that nobody used for a while closes its channel. Its box dials again when somebody asks for it.
void Transport::OnRest() {
  const absl::Duration max_idle = box_->protocol().pool.max_idle;
  const bool written = std::exchange(rested_at_, link_->end()) != link_->end();
  const absl::Duration silent = written ? absl::ZeroDuration() : now() - last_read_;
  const bool unused = better_ == nullptr && Quiet() && AsksNothing();
  if (ended_) return;
  if (!unused || silent < max_idle) return rest_.Start(*this, loop(), unused ? max_idle - silent : max_idle);
  Rest("nobody used the channel for pool.max_idle");
}

void Transport::Rest(absl::string_view why) {
  End(absl::CancelledError(why));
  box_->set_channel(++channel_);  // the box will not be gone, but this channel is
  keeper_->OnRest(*box_);
}

void Transport::WhenReady(Ready told) {
  if (ended_) return std::move(told)(box_->Closed());
  if (link_ != nullptr) return std::move(told)(absl::OkStatus());
  wanted_ = true;
  if (down()) return std::move(told)(At(box_->key().text(), redialer_->WhyDown()));
  ready_->push_back(std::move(told));
}

void Transport::TellReady(const absl::Status& status) {
  for (Ready& told : ready_.Take()) std::move(told)(Fresh(status));
}

void Transport::TellConnected() {
  box_->set_state(LinkState::connected);
  TellReady(absl::OkStatus());
  if (sink_ != nullptr && sink_->watches_connections()) dispatcher_.Deliver(Delivery(sink_, box_, absl::OkStatus()));
}

void Transport::TellDisconnected(const absl::Status& why) {
  if (sink_ != nullptr && sink_->watches_connections()) dispatcher_.Deliver(Delivery(sink_, box_, Fresh(why)));
}

}  // namespace rain
