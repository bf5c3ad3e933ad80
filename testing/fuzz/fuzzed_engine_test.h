// FuzzedEngine: a whole ListenRain whose peers, callers, handlers and schedule do what a fuzzer says, on manual loops. Whatever
// they do, the engine's promises must hold: see the calls of MustHold.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/framework/listen_rain.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/testing/fuzz/fuzzed_call_test.h"
#include "listenrain/testing/fuzz/fuzzed_network_test.h"
#include "listenrain/testing/fuzz/fuzzed_setting_test.h"
#include "listenrain/testing/manual_loop.h"

namespace rain {

// For one input. Thread: one.
template <class M>
class FuzzedEngine {
 public:
  FuzzedEngine(const FuzzedWire<M>& wire, absl::string_view input) : wire_(wire), bytes_(input) {
    static const bool quiet = (SetLogSink([](Severity, absl::string_view, absl::string_view) {}), true);
    MustHold(quiet, "the log is not quiet");
    Assemble();
  }

  void Run() {
    while (!bytes_.empty()) {
      Step();
      Check();
    }
    Finish();
  }

 private:
  using Kept = std::unique_ptr<KeptRequest<M>>;
  static constexpr const char* kListened = "scripted://service";
  static constexpr size_t kMostTurns = 10'000;    // to be at rest
  static constexpr size_t kMostBytes = 16 << 20;  // of blocks for one channel: of 64 packets of 100,000 bytes, and more

  // Protocol and parts, as the first bytes say.
  void Assemble() {
    if (setting_.two_loops) loops_.push_back(std::make_shared<ManualLoop>(clock_, 2));
    if (setting_.manual_executor) executor_ = std::make_shared<ManualExecutor>();
    ListenRain::Parts parts;
    for (const auto& loop : loops_) {
      parts.loops.push_back(loop);
      turning_.push_back(loop.get());
    }
    parts.buffers = buffers_;
    parts.executor = runs_ = executor_ != nullptr ? executor_ : NewInlineExecutor();
    parts.packet_codec = wire_.packets;
    parts.schemes.push_back(NewScriptedScheme(network_.scripted()));
    rain_ = std::make_unique<ListenRain>(std::move(parts));

    network_.scripted()->dials.retry_after = setting_.retry_after;
    network_.scripted()->accepts.retry_after = absl::ZeroDuration();
    if (setting_.reviews) network_.scripted()->dials.review_after = absl::Milliseconds(100);
    ProtocolSpec<M> spec;
    spec.name = "fuzzed";
    spec.message_codec = wire_.codec;
    if (setting_.ApplyTo(spec)) spec.router = Service();
    auto protocol = rain_->Register(std::move(spec));
    MustHold(protocol.ok(), "the protocol cannot be registered");
    protocol_ = *std::move(protocol);
    auto listener = rain_->Listen(protocol_, kListened, Service());
    MustHold(listener.ok(), "nobody listens");
    listener_ = *std::move(listener);
    if (!setting_.outside) return;
    for (ManualLoop* loop : turning_) loop->ReleaseBaton();
  }

  Router<M> Service() {
    Router<M> router;
    router.Otherwise(
        [this](M, CallContext context, Responder<M> responder) { OnRequest(std::move(context), std::move(responder)); });
    router.OnConnect([this](Connection connection) {
      ++connected_;
      connections_.push_back(std::move(connection));
      ActWithin();
    });
    router.OnDisconnect([this](const Connection&, const absl::Status& why) {
      MustHold(!why.ok(), "a channel ended without a reason");
      MustHold(--connected_ >= 0 || dropped_, "a channel ended twice");
      ActWithin();
    });
    return router;
  }

  void OnRequest(CallContext context, Responder<M> responder) {
    MustHold(!calling_, "a handler runs inside a call");
    Kept kept(new KeptRequest<M>{std::move(context), std::move(responder)});
    if (kept->responder.expected() && kept->context.connection().role() == Role::acceptor) {
      size_t unanswered = 1;
      for (const Kept& other : kept_)
        unanswered += other->responder.expected() && other->context.connection() == kept->context.connection();
      MustHold(unanswered <= setting_.limits.window_requests, "more requests are handled than the window has");
    }
    if (bytes_.Flip()) {
      cancelled_.push_back(0);
      kept->context.OnCancelled([this, told = &cancelled_.back()] {
        MustHold(++*told == 1, "a cancellation is told twice");
        ActWithin();
      });
    }
    if (bytes_.Below(3) == 0) {
      kept_.push_back(std::move(kept));
    } else {
      Answer(std::move(kept));
    }
    ActWithin();
  }

  void Answer(Kept kept) {
    const bool expected = kept->responder.expected();
    absl::Status answered;
    switch (bytes_.Below(4)) {
      case 0:
        answered = kept->responder.Fail(absl::NotFoundError("none here"));
        break;
      case 1:
        return;  // without an answer
      default:
        answered = kept->responder.Reply(wire_.make(bytes_));
    }
    MustHold(expected || absl::IsFailedPrecondition(answered), "an answer that nobody expects is taken");
    MustHold(!kept->responder.expected(), "an answer is expected twice");
    MustHold(absl::IsFailedPrecondition(kept->responder.Reply(wire_.make(bytes_))), "a second answer is taken");
  }

  // What only happens between turns, or anything else.
  void Step() {
    switch (bytes_.Below(8)) {
      case 0:
        loops_[bytes_.Below(loops_.size())]->RunTurn(clock_->Now());
        break;
      case 1:
        MustHold(RunUntilIdle(turning_, kMostTurns), "the loops do not come to rest");
        break;
      case 2: {
        const absl::Duration times[] = {absl::Nanoseconds(1), absl::Milliseconds(1), absl::Milliseconds(50), absl::Seconds(1),
                                        absl::Seconds(11)};
        MustHold(Advance(turning_, bytes_.OneOf(times)), "the loops do not come to rest");
        break;
      }
      case 3:
        if (executor_ != nullptr) bytes_.Flip() ? void(executor_->RunOne()) : void(executor_->RunAll());
        break;
      default:
        Act();
    }
  }

  // What callbacks and handlers do.
  void ActWithin() {
    if (within_ >= 3) return;
    ++within_;
    for (size_t count = bytes_.Below(4); count > 1; --count) Act();
    --within_;
  }

  void Act() {
    switch (bytes_.Below(16)) {
      case 0:
      case 1:
        return Ask(OpenedOne());
      case 2:
        if (connections_.empty()) return;
        return Ask(TransportHandle<M>(protocol_, connections_[bytes_.Below(connections_.size())]));
      case 3:
        return Post(OpenedOne());
      case 4:
        if (calls_.empty()) return;
        return Outside([&] { calls_[bytes_.Below(calls_.size())].cancellation.Cancel(); });
      case 5:
        if (kept_.empty()) return;
        return AnswerKept(bytes_.Below(kept_.size()));
      case 6:
      case 7:
        return network_.Connect(bytes_);
      case 8:
      case 9:
        if (network_.peers().empty()) return;
        return network_.SayMessage(bytes_);
      case 10:
        if (network_.peers().empty()) return;
        return network_.SayAnswer(bytes_);
      case 11:
        if (network_.peers().empty()) return;
        return network_.SayBytes(bytes_);
      case 12:
        if (network_.peers().empty()) return;
        return network_.OnePeer(bytes_).Turn(bytes_);
      case 13:
        if (const auto handle = OpenedOne(); handle.ok()) Outside([&] { handle->WhenRoom(Once()); });
        return;
      case 14:
        if (const auto handle = OpenedOne(); handle.ok()) {
          Outside([&] { handle->Ready([told = Once()](const absl::Status&) mutable { std::move(told)(); }); });
        }
        return;
      default:
        return ActRarely();
    }
  }

  void ActRarely() {
    switch (bytes_.Below(8)) {
      case 0:
        return listener_.DrainThen(absl::Seconds(1), [](DrainReport) {});
      case 1:
        if (MayEnd()) listener_.Stop();
        return;
      case 2:
        if (!connections_.empty()) connections_[bytes_.Below(connections_.size())].Close(absl::CancelledError("enough"));
        return;
      case 3:
        if (MayEnd()) rain_->Stop();
        return;
      case 4:
        if (MayEnd()) (void)rain_->Drain(absl::Seconds(1));
        return;
      case 5:
        buffers_->refusing = true;
        return;
      case 6:
        if (executor_ != nullptr) dropped_ |= executor_->DropAll() > 0;
        return;
      default:
        buffers_->refusing = false;
    }
  }

  // Elsewhere it would wait for the loops, which only this thread turns.
  static bool MayEnd() { return Baton::AnyHeldHere(); }
  void OnLoop(absl::FunctionRef<void()> end) {
    if (!setting_.outside) return end();
    loops_.front()->Run([end] { end(); });
    loops_.front()->RunTurn(clock_->Now());
  }

  // What must not run a callback or handler before it returns.
  template <class F>
  void Outside(const F& call) {
    const bool before = std::exchange(calling_, true);
    call();
    calling_ = before;
  }

  absl::AnyInvocable<void() &&> Once() {
    return [this] {
      MustHold(!calling_, "a callback runs inside a call");
      ActWithin();
    };
  }

  absl::StatusOr<TransportHandle<M>> OpenedOne() {
    static const auto& one = *new TransportKey("scripted://one");
    static const auto& list = *new TransportKey("scripted://first,scripted://second");
    return rain_->Open(protocol_, bytes_.Flip() ? list : one);
  }

  void Ask(const absl::StatusOr<TransportHandle<M>>& handle) {
    if (!handle.ok()) return MustHold(absl::IsCancelled(handle.status()), "a key cannot be opened");
    const uint8_t how = bytes_.Byte();
    SendOptions options = FuzzedOptions(how);
    calls_.emplace_back([this] {
      MustHold(!calling_, "an outcome is told inside a call");
      ActWithin();
    });
    FuzzedCall<M>& call = calls_.back();
    options.cancellation = &call.cancellation;
    M message = wire_.make(bytes_);
    if ((how & 64) != 0) {
      call.sent = absl::OkStatus();
      return Spawn(*runs_, AskAndWait(*handle, std::move(message), options), [&call](const absl::Status&) { call.Told(); });
    }
    Outside([&] {
      call.sent = (how & 32) != 0 ? handle->Send(message, call, options) : handle->Send(message, call.callback(), options);
    });
  }

  Task<void> AskAndWait(TransportHandle<M> handle, M message, SendOptions options) {
    (void)co_await handle.CoSend(message, options);
    ActWithin();
  }

  void Post(const absl::StatusOr<TransportHandle<M>>& handle) {
    if (!handle.ok()) return;
    const M message = wire_.make(bytes_);
    Outside([&] { posts_ += handle->Post(message).ok(); });
  }

  void AnswerKept(size_t index) {
    std::swap(kept_[index], kept_.back());
    Kept kept = std::move(kept_.back());
    kept_.pop_back();
    Answer(std::move(kept));
  }

  void Check() {
    MustHold(rain_->StatsOf(protocol_).Balanced(), "the counters are not balanced");
    for (const auto& peer : network_.peers()) peer->Read();
    // Beside what the queue may hold: requests of a dead channel that go out again, a window of them at most, and one-way
    // messages that went straight to it and were not taken, which nobody counted: so all that there ever were may be among these.
    constexpr size_t kOutputBytes = 256 << 10;
    for (const PooledTransport& transport : rain_->Transports()) {
      MustHold(transport.in_flight <= setting_.limits.window_requests, "more requests are in flight than the window has");
      MustHold(transport.queued_packets <= setting_.limits.max_queued_packets + setting_.limits.window_requests + posts_,
               "the queue has too many packets");
      MustHold(transport.queued_bytes <= setting_.limits.max_queued_bytes + setting_.limits.window_bytes + kOutputBytes +
                                             setting_.limits.max_packet_bytes,
               "the queue has too many bytes");
    }
    MustHold(buffers_->bytes_in_use() <= (2 + network_.peers().size()) * kMostBytes, "too much memory is in use");
  }

  // Everybody has done everything.
  void Settle() {
    do {
      MustHold(RunUntilIdle(turning_, kMostTurns), "the loops do not come to rest");
    } while (executor_ != nullptr && executor_->RunAll() > 0);
  }

  void Finish() {
    if (!setting_.keeps_late) kept_.clear();
    if (!setting_.ends_at_once) {
      OnLoop([this] { rain_->Stop(); });
      Settle();
      const Stats stats = rain_->StatsOf(protocol_);
      MustHold(stats.Balanced() && stats.in_flight == 0, "something is in flight after Stop");
      MustHold(stats.channels_opened == stats.channels_closed, "a channel is open after Stop");
      MustHold(connected_ == 0 || dropped_, "a channel's end was not told");
    }
    OnLoop([this] { rain_.reset(); });
    Settle();
    for (FuzzedCall<M>& call : calls_) {
      MustHold(call.sent.ok() == (call.outcomes == 1), "a call without an outcome, or one that was refused with one");
    }
    for (Kept& kept : kept_) {
      MustHold(kept->context.cancelled(), "somebody waits for an answer after the end");
      MustHold(!kept->responder.Reply(wire_.make(bytes_)).ok(), "an answer is taken after the end");
    }
    kept_.clear();
    connections_.clear();
    OnLoop([this] { listener_ = Listener(); });
    Settle();
    for (const auto& peer : network_.peers()) {
      MustHold(peer->script()->closed() || peer->script()->destroyed() || !peer->script()->reading(),
               "a channel is open after the end");
    }
    MustHold(buffers_->bytes_in_use() == 0, "buffers are in use after the end");
  }

  const FuzzedWire<M>& wire_;
  FuzzedBytes bytes_;
  const FuzzedSetting setting_{bytes_};
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  const std::shared_ptr<RefusingPool> buffers_ = std::make_shared<RefusingPool>();
  FuzzedNetwork<M> network_{wire_};
  std::vector<std::shared_ptr<ManualLoop>> loops_{std::make_shared<ManualLoop>(clock_)};
  std::vector<ManualLoop*> turning_;
  std::shared_ptr<ManualExecutor> executor_;  // null: inline
  std::shared_ptr<Executor> runs_;            // the one or the other

  // What handlers and callbacks refer to: outlives the ListenRain.
  std::deque<FuzzedCall<M>> calls_;
  std::vector<Kept> kept_;
  std::vector<Connection> connections_;
  std::deque<int> cancelled_;
  bool calling_ = false;
  int within_ = 0;
  size_t posts_ = 0;  // one-way messages that were accepted
  int connected_ = 0;
  bool dropped_ = false;  // what was to be told, by the executor

  Protocol<M> protocol_;
  Listener listener_;
  std::unique_ptr<ListenRain> rain_;
};

}  // namespace rain
