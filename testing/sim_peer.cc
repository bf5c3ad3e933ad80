#include "listenrain/testing/sim_peer.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/serial_executor.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/task_handler.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/sim_wire.h"

namespace rain {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(5);        // slow links and readers included
constexpr absl::Duration kLate = absl::Milliseconds(10);  // after its deadline

// Without what Status adds in an order of its own, that of addresses.
std::string TextOf(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), " ", status.message(), " sent ",
                      static_cast<int>(BytesSentOf(status)));
}

std::shared_ptr<Executor> NewRunner(SimRunner runner, const std::shared_ptr<Executor>& pool) {
  if (runner == SimRunner::on_the_loop) return NewInlineExecutor();
  return runner == SimRunner::serial ? *NewSerialExecutor(pool) : pool;
}

template <class M>
class Peer final : public SimPeer {
 public:
  using Told = std::function<void(const absl::Status&)>;

  Peer(SimAccounts& accounts, SimNode& node, size_t index);

  void Ask(const SimCall& call, Told told) override;
  Stats stats() const override { return node_.rain().StatsOf(protocol_); }
  void Drain() override;
  bool draining() const override { return draining_; }
  bool answering() const override { return !later_.empty(); }
  void OnStopped() override;

 private:
  // Its request has an outcome: a stat machine that ends itself.
  class Machine final : public StatMachine<M> {
   public:
    Machine(Peer& peer, uint64_t number, Told told) : peer_(peer), number_(number), told_(std::move(told)) {}
    void Process(const MsgId&, M reply) override { End(std::move(reply)); }
    void Timeout(const MsgId&) override { End(WithOrigin(absl::DeadlineExceededError(""), Origin::local)); }
    void Fail(const MsgId&, absl::Status why) override { End(std::move(why)); }

   private:
    void End(absl::StatusOr<M> with) {
      const std::unique_ptr<Machine> itself(this);
      peer_.OnOutcome(number_, with, told_);
    }

    Peer& peer_;
    const uint64_t number_;
    const Told told_;
  };

  // A call of ours without an outcome.
  struct Asked {
    Instant deadline, due;  // by this node's clock, and by the world's
    bool wait_for_ready = false;
  };
  // A request that waits for its answer.
  struct Later {
    M message;
    CallContext context;
    Responder<M> responder;
  };

  const SimSetting& setting() const { return accounts_.plan.setting; }
  ProtocolSpec<M> NewSpec();
  Router<M> NewRouter();
  void Listen();
  void Handle(M message, CallContext context, Responder<M> responder);
  void Handled(const SimCallText& call, const CallContext& context);
  void AnswerLater(const SimCallText& call, M message, CallContext context, Responder<M> responder);
  void CheckCancelled(const SimCallText& call, const CallContext& context);
  void AskBack(M message, const CallContext& context, Responder<M> responder);
  M NewMessage(int64_t method, uint64_t number, size_t bytes) const;
  uint64_t ReceiverOf(const Connection& connection);
  TransportKey KeyOf(size_t server) const;
  SendOptions OptionsOf(const SimCall& call, uint64_t number);
  absl::Status Send(const SimCall& call, uint64_t number, const SendOptions& options, const Told& told);
  Task<void> AskByTask(TransportKey key, M message, SendOptions options, uint64_t number, Told told);
  void Note(uint64_t number, const absl::StatusOr<M>& reply);
  void CheckOutcome(uint64_t number, const Asked& asked, const absl::Status& status);
  void OnOutcome(uint64_t number, const absl::StatusOr<M>& reply, const Told& told);

  SimAccounts& accounts_;
  SimNode& node_;
  const size_t index_;
  SimRandom random_;
  const std::shared_ptr<Executor> runner_;
  Protocol<M> protocol_;
  Listener listener_;
  bool draining_ = false;
  uint64_t last_later_ = 0;
  std::map<uint64_t, Later> later_;
  std::map<uint64_t, Asked> asked_;                      // calls without an outcome
  std::map<uint64_t, Cancellation> cancellations_;       // by the call's number, until it ends
  std::map<std::pair<size_t, bool>, uint64_t> streams_;  // by the key's server, and whether from outside
  const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

template <class M>
Peer<M>::Peer(SimAccounts& accounts, SimNode& node, size_t index)
    : accounts_(accounts),
      node_(node),
      index_(index),
      random_(accounts.world.random().Fork()),
      runner_(NewRunner(setting().runner, node.executor())) {
  absl::StatusOr<Protocol<M>> protocol = node.rain().Register(NewSpec());
  if (protocol.ok()) {
    protocol_ = *std::move(protocol);
    if (index_ < setting().servers) Listen();
  } else {
    accounts_.world.Fail(absl::StrCat("Register: ", TextOf(protocol.status())));
  }
}

template <class M>
ProtocolSpec<M> Peer<M>::NewSpec() {
  ProtocolSpec<M> spec;
  spec.name = "calls";
  spec.message_codec = SimWireOf<M>::Codec(setting().wire);
  if (setting().wire == SimWire::line) spec.packet_codec = NewLinePacketCodec();
  if (setting().by_priority) spec.queue = NewPriorityQueue;
  spec.executor = runner_;
  spec.keepalive = setting().keepalive;
  spec.limits = setting().limits;
  spec.pool = setting().pool;
  if (setting().has_kinds()) spec.router = NewRouter();
  return spec;
}

template <class M>
Router<M> Peer<M>::NewRouter() {
  Router<M> router;
  router.Otherwise([this](M message, CallContext context, Responder<M> responder) {
    Handle(std::move(message), std::move(context), std::move(responder));
  });
  const auto by_task = [this](M message, CallContext context) -> Task<absl::StatusOr<M>> {
    Handled(SimWireOf<M>::Read(message), context);
    co_return std::move(message);
  };
  if (setting().is_native()) router.On(kReplyByTask, TaskHandler<M>(by_task));
  if (!setting().has_kinds()) router.On(absl::StrCat(kReplyByTask), TaskHandler<M>(by_task));
  return router;
}

template <class M>
void Peer<M>::Listen() {
  absl::StatusOr<Listener> listener = node_.rain().Listen(protocol_, absl::StrCat("sim://", node_.name(), ":7"), NewRouter());
  if (absl::IsCancelled(listener.status())) return;  // all of the node is being drained
  if (!listener.ok()) return accounts_.world.Fail(absl::StrCat("Listen: ", TextOf(listener.status())));
  listener_ = *std::move(listener);
}

template <class M>
void Peer<M>::Handled(const SimCallText& call, const CallContext& context) {
  if (node_.dying()) return;
  accounts_.calls.OnHandled(call.number);
  if (setting().runner != SimRunner::any_order) accounts_.order.OnHandled(ReceiverOf(context.connection()), call.number);
}

// A number for the channel that a request came on.
template <class M>
uint64_t Peer<M>::ReceiverOf(const Connection& connection) {
  auto number = connection.session<uint64_t>();
  if (number == nullptr) connection.SetSession(number = std::make_shared<uint64_t>(++accounts_.receivers));
  return *number;
}

template <class M>
void Peer<M>::Handle(M message, CallContext context, Responder<M> responder) {
  const SimCallText call = SimWireOf<M>::Read(message);
  Handled(call, context);
  if (!responder.expected() || node_.dying()) return;
  switch (call.method) {
    case kAnswerLater:
    case kAnswerMuchLater:
      return AnswerLater(call, std::move(message), std::move(context), std::move(responder));
    case kDrop:
      return;
    case kThrow:
      throw std::runtime_error("a handler that throws");
    case kAskBack:
      if (setting().has_kinds()) return AskBack(std::move(message), context, std::move(responder));
      break;
    case kFail:
      (void)responder.Fail(absl::PermissionDeniedError("not you"));
      return;
    default:
      break;
  }
  (void)responder.Reply(message);
}

// From outside, as another thread would. By then the handler knows if its caller has given up.
template <class M>
void Peer<M>::AnswerLater(const SimCallText& call, M message, CallContext context, Responder<M> responder) {
  const uint64_t number = ++last_later_;
  later_.emplace(number, Later{std::move(message), std::move(context), std::move(responder)});
  const absl::Duration most = absl::Seconds(call.method == kAnswerLater ? 1 : 10);
  accounts_.world.agenda().In(random_.Below(most), [this, alive = std::weak_ptr<int>(alive_), number, call] {
    if (alive.expired()) return;
    auto later = later_.extract(number);
    CheckCancelled(call, later.mapped().context);
    (void)later.mapped().responder.Reply(later.mapped().message);
  });
}

// Where the wire can say so, and nothing breaks, a handler hears of it soon.
template <class M>
void Peer<M>::CheckCancelled(const SimCallText& call, const CallContext& context) {
  const auto given_up = accounts_.given_up.find(call.number);
  if (!setting().gentle || !setting().is_prompt() || given_up == accounts_.given_up.end() || context.cancelled()) return;
  const absl::Duration since = accounts_.world.now() - given_up->second;
  if (since <= kSoon) return;
  accounts_.world.Fail(
      absl::StrCat("call ", call.number, " was given up ", absl::FormatDuration(since), " ago, but its handler was not told"));
}

// Either side may ask on one transport. What a server asks while it drains may cross its client's leave.
template <class M>
void Peer<M>::AskBack(M message, const CallContext& context, Responder<M> responder) {
  constexpr absl::Duration kTimeout = absl::Seconds(1);
  const uint64_t number = accounts_.calls.Begin(index_, false, accounts_.world.now() + kTimeout);
  const auto shared = std::make_shared<std::pair<M, Responder<M>>>(std::move(message), std::move(responder));
  const absl::Status sent = TransportHandle<M>(protocol_, context.connection())
                                .Send(NewMessage(kReply, number, 10), Callback<M>([=, this](absl::StatusOr<M> reply) {
                                        Note(number, reply);
                                        (void)shared->second.Reply(shared->first);
                                      }),
                                      {.timeout = kTimeout});
  accounts_.calls.OnSendReturned(number, sent);
}

template <class M>
M Peer<M>::NewMessage(int64_t method, uint64_t number, size_t bytes) const {
  return SimWireOf<M>::Make(setting().wire, {method, number}, bytes);
}

template <class M>
TransportKey Peer<M>::KeyOf(size_t server) const {
  std::string key;
  for (size_t i = 0; i < (setting().fails_over ? setting().servers : 1); ++i) {
    absl::StrAppend(&key, i > 0 ? "," : "", "sim://", setting().NodeName((server + i) % setting().servers),
                    ":7?backoff=10&backoff_max=", absl::ToInt64Milliseconds(setting().longest_backoff));
  }
  return key;
}

template <class M>
SendOptions Peer<M>::OptionsOf(const SimCall& call, uint64_t number) {
  SendOptions options;
  options.timeout = call.timeout;
  options.idempotent = call.idempotent;
  options.wait_for_ready = call.wait_for_ready;
  options.priority = call.priority;
  options.on_overflow = call.waits_for_room ? Overflow::wait : Overflow::fail;
  if (call.one_way || call.cancelled_after == absl::InfiniteDuration()) return options;
  options.cancellation = &cancellations_[number];
  accounts_.world.agenda().In(call.cancelled_after, [this, alive = std::weak_ptr<int>(alive_), number] {
    if (alive.expired()) return;
    if (const auto found = cancellations_.find(number); found != cancellations_.end()) found->second.Cancel();
  });
  return options;
}

template <class M>
void Peer<M>::Ask(const SimCall& call, Told told) {
  if (node_.dying()) return;
  CallLedger& calls = accounts_.calls;
  const Instant due = accounts_.world.now() + call.timeout;
  const uint64_t number = calls.Begin(index_, call.idempotent, due);
  asked_[number] = {node_.now() + call.timeout, due, call.wait_for_ready};
  const bool in_order = !call.idempotent && call.style != SimStyle::coroutine && !setting().by_priority;
  if (in_order && setting().pool.channels_per_key == 1) {
    uint64_t& stream = streams_[{call.server, call.from_outside}];
    if (stream == 0) stream = ++accounts_.streams;
    accounts_.order.OnSent(stream, number);
  }
  accounts_.world.history().Note(node_.name(), absl::StrCat("sends call ", number, " by method ", call.method));
  const SendOptions options = OptionsOf(call, number);
  const absl::Status sent = Send(call, number, options, told);
  calls.OnSendReturned(number, sent);
  if (sent.ok() && !call.one_way) return;
  asked_.erase(number);
  if (sent.ok()) return calls.OnPosted(number);
  cancellations_.erase(number);
  if (told) told(sent);
}

template <class M>
absl::Status Peer<M>::Send(const SimCall& call, uint64_t number, const SendOptions& options, const Told& told) {
  const TransportKey key = KeyOf(call.server);
  M message = NewMessage(call.method, number, call.bytes);
  if (call.one_way) return node_.rain().Post(protocol_, key, message, options);
  if (call.style == SimStyle::coroutine) {
    Spawn(*runner_, AskByTask(key, std::move(message), options, number, told));
    return absl::OkStatus();
  }
  if (call.style == SimStyle::callback) {
    return node_.rain().Send(protocol_, key, message,
                             Callback<M>([=, this](absl::StatusOr<M> reply) { OnOutcome(number, reply, told); }), options);
  }
  auto machine = std::make_unique<Machine>(*this, number, told);
  absl::Status sent = node_.rain().Send(protocol_, key, message, *machine, options);
  if (sent.ok()) (void)machine.release();
  return sent;
}

template <class M>
Task<void> Peer<M>::AskByTask(TransportKey key, M message, SendOptions options, uint64_t number, Told told) {
  asked_.at(number).due = accounts_.world.now() + options.timeout;  // the node may have stood still before
  const absl::StatusOr<M> reply = co_await node_.rain().CoSend(protocol_, key, message, options);
  OnOutcome(number, reply, told);
}

template <class M>
void Peer<M>::Note(uint64_t number, const absl::StatusOr<M>& reply) {
  if (node_.dying()) return;
  accounts_.world.history().Note(node_.name(), absl::StrCat("call ", number, " ends: ", TextOf(reply.status())));
  accounts_.calls.OnOutcome(number, reply.status(), !reply.ok() || SimWireOf<M>::Read(*reply).number == number);
}

// Whether it could end so, on a transport that this node dialed.
template <class M>
void Peer<M>::CheckOutcome(uint64_t number, const Asked& asked, const absl::Status& status) {
  const auto fail = [&](absl::string_view how) {
    accounts_.world.Fail(absl::StrCat("call ", number, " ", how, ": ", TextOf(status)));
  };
  const absl::Duration late = accounts_.world.now() - std::max(asked.due, node_.awake_since());
  if (late > kLate) fail(absl::StrCat("ended late by ", absl::FormatDuration(late)));
  if (OriginOf(status) != Origin::local || !node_.serving()) return;
  if (absl::IsDeadlineExceeded(status) && node_.now() < asked.deadline) fail("timed out too early");
  if (absl::IsDeadlineExceeded(status) || absl::IsCancelled(status)) accounts_.given_up[number] = accounts_.world.now();
  if (!absl::IsUnavailable(status)) return;
  const BytesSent sent = BytesSentOf(status);
  if (sent == BytesSent::none && asked.wait_for_ready) fail("was to wait, and did not");
  if (sent != BytesSent::none && setting().gentle) fail("was lost, though nothing broke");
}

template <class M>
void Peer<M>::OnOutcome(uint64_t number, const absl::StatusOr<M>& reply, const Told& told) {
  Note(number, reply);
  cancellations_.erase(number);
  if (node_.dying()) return;
  const auto asked = asked_.extract(number);
  if (!asked.empty()) CheckOutcome(number, asked.mapped(), reply.status());  // a second outcome was told by the ledger
  if (told && !asked.empty()) told(reply.status());
}

// What the listener had read is answered; then it listens again.
template <class M>
void Peer<M>::Drain() {
  if (index_ >= setting().servers || draining_ || !node_.serving()) return;
  draining_ = true;
  const absl::Duration timeout = setting().gentle ? absl::Seconds(60) : absl::Seconds(2);
  accounts_.world.history().Note(node_.name(), "drains its listener");
  listener_.DrainThen(timeout, [this, alive = std::weak_ptr<int>(alive_)](DrainReport) {
    if (alive.expired() || !node_.serving()) return;
    accounts_.world.history().Note(node_.name(), "has drained its listener");
    draining_ = false;
    Listen();
  });
}

template <class M>
void Peer<M>::OnStopped() {
  const std::string open = accounts_.calls.AnOpenCall(index_);
  if (!open.empty()) accounts_.world.Fail(absl::StrCat(node_.name(), " has stopped, without an outcome of ", open));
}

}  // namespace

std::unique_ptr<SimPeer> NewSimPeer(SimAccounts& accounts, SimNode& node, size_t index) {
  switch (accounts.plan.setting.wire) {
    case SimWire::line:
      return std::make_unique<Peer<std::string>>(accounts, node, index);
    case SimWire::uuid_binary:
    case SimWire::uuid_text:
      return std::make_unique<Peer<UuidMessage>>(accounts, node, index);
    default:
      return std::make_unique<Peer<Message>>(accounts, node, index);
  }
}

}  // namespace rain
