#include "listenrain/testing/sim_workload.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/message.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/task_handler.h"
#include "listenrain/testing/call_ledger.h"
#include "listenrain/testing/sim_world.h"

namespace rain {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);  // after the last call: every timeout, and more

// The call's number, in front of its body.
std::string TextOf(uint64_t number, size_t bytes) { return absl::StrCat(number, " ", std::string(bytes, 'x')); }
// Without what Status adds in an order of its own.
std::string TextOf(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), " ", status.message(), " sent ",
                      static_cast<int>(BytesSentOf(status)));
}
uint64_t NumberIn(absl::string_view text) {
  uint64_t number = UINT64_MAX;
  (void)absl::SimpleAtoi(text.substr(0, text.find(' ')), &number);
  return number;
}

// One run of a plan.
class SimRun {
 public:
  SimRun(const SimPlan& plan, bool keeps_lines);
  SimResult Finish();

  const SimPlan& plan() const { return plan_; }
  SimWorld& world() { return world_; }
  CallLedger& ledger() { return ledger_; }
  void Note(const SimNode& node, absl::string_view what) { world_.history().Note(node.name(), what); }

 private:
  void Strike(const SimFault& fault);
  void StrikeRoad(const SimFault& fault);
  void During(const SimFault& fault, std::function<void(bool)> toggle);
  void NoteStates(const SimFault& fault);
  void CheckBalance();

  const SimPlan& plan_;
  SimResult result_;
  SimWorld world_;
  CallLedger ledger_;
};

// What every node runs: servers listen, clients ask; both take what they are sent.
class Peer final : public SimProgram {
 public:
  Peer(SimRun& run, SimNode& node, size_t index);

  bool serves() const { return index_ < run_.plan().setting.servers; }
  void Ask(const SimCall& call);
  void DrainListener();
  bool draining() const { return draining_; }
  bool handling() const { return !later_.empty(); }
  const Protocol<Message>& protocol() const { return protocol_; }

 private:
  Router<Message> NewRouter();
  void Listen();
  void Handle(Message message, CallContext context, Responder<Message> responder);
  void AnswerLater(Message message, Responder<Message> responder);
  void AskBack(Message message, CallContext context, Responder<Message> responder);
  TransportKey KeyOf(size_t server) const;
  SendOptions OptionsOf(const SimCall& call) const;
  void OnOutcome(uint64_t number, const absl::StatusOr<Message>& reply);

  SimRun& run_;
  SimNode& node_;
  const size_t index_;
  SimRandom random_;
  Protocol<Message> protocol_;
  Listener listener_;
  bool draining_ = false;
  uint64_t last_later_ = 0;
  std::map<uint64_t, std::pair<Message, Responder<Message>>> later_;  // requests that wait for their answers
  std::map<uint64_t, Cancellation> cancellations_;                    // by the call's number, until they are used
  const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

Peer::Peer(SimRun& run, SimNode& node, size_t index)
    : run_(run), node_(node), index_(index), random_(run.world().random().Fork()) {
  const SimSetting& setting = run.plan().setting;
  ProtocolSpec<Message> spec;
  spec.name = "messages";
  spec.message_codec = NewCompactCodec();
  spec.keepalive = setting.keepalive;
  spec.limits.window_requests = setting.window_requests;
  spec.limits.max_queued_packets = setting.queued_packets;
  spec.pool.channels_per_key = setting.channels_per_key;
  spec.pool.max_idle = setting.max_idle;
  spec.router = NewRouter();
  protocol_ = *node.rain().Register(std::move(spec));
  if (serves()) Listen();
}

Router<Message> Peer::NewRouter() {
  Router<Message> router;
  router.Otherwise([this](Message message, CallContext context, Responder<Message> responder) {
    Handle(std::move(message), std::move(context), std::move(responder));
  });
  router.On(5, [this](Message message, CallContext) -> Task<absl::StatusOr<Message>> {
    run_.ledger().OnHandled(NumberIn(message.text()));
    co_return message;
  });
  return router;
}

void Peer::Listen() {
  absl::StatusOr<Listener> listener = node_.rain().Listen(protocol_, absl::StrCat("sim://", node_.name(), ":7"), NewRouter());
  if (!listener.ok()) return run_.world().Fail(absl::StrCat("Listen: ", listener.status().ToString()));
  listener_ = *std::move(listener);
}

void Peer::Handle(Message message, CallContext context, Responder<Message> responder) {
  run_.ledger().OnHandled(NumberIn(message.text()));
  if (!responder.expected()) return;
  switch (message.method) {
    case 0:
      return AnswerLater(std::move(message), std::move(responder));
    case 1:
      return;  // dropped
    case 2:
      throw std::runtime_error("a handler that throws");
    case 3:
      return AskBack(std::move(message), std::move(context), std::move(responder));
    case 4:
      (void)responder.Fail(absl::PermissionDeniedError("not you"));
      return;
    default:
      (void)responder.Reply(message);
  }
}

// From outside, as another thread would.
void Peer::AnswerLater(Message message, Responder<Message> responder) {
  const uint64_t number = ++last_later_;
  later_.emplace(number, std::pair(std::move(message), std::move(responder)));
  run_.world().agenda().In(random_.Below(absl::Seconds(1)), [this, alive = std::weak_ptr<int>(alive_), number] {
    if (alive.expired()) return;
    auto answer = later_.extract(number);
    (void)answer.mapped().second.Reply(answer.mapped().first);
  });
}

// Either side may ask on one transport.
void Peer::AskBack(Message message, CallContext context, Responder<Message> responder) {
  const uint64_t number = run_.ledger().Begin(index_, false);
  const auto shared = std::make_shared<std::pair<Message, Responder<Message>>>(std::move(message), std::move(responder));
  const absl::Status sent =
      TransportHandle<Message>(protocol_, context.connection())
          .Send(Message::Text(7, TextOf(number, 10)), Callback<Message>([=, this](absl::StatusOr<Message> reply) {
                  OnOutcome(number, reply);
                  (void)shared->second.Reply(shared->first);
                }),
                {.timeout = absl::Seconds(1)});
  run_.ledger().OnSendReturned(number, sent);
}

TransportKey Peer::KeyOf(size_t server) const {
  const SimSetting& setting = run_.plan().setting;
  std::string key;
  for (size_t i = 0; i < (setting.fails_over ? setting.servers : 1); ++i) {
    absl::StrAppend(&key, i > 0 ? "," : "", "sim://server-", (server + i) % setting.servers, ":7");
  }
  return key;
}

SendOptions Peer::OptionsOf(const SimCall& call) const {
  SendOptions options;
  options.timeout = call.timeout;
  options.idempotent = call.idempotent;
  options.wait_for_ready = call.wait_for_ready;
  options.on_overflow = call.waits_for_room ? Overflow::wait : Overflow::fail;
  return options;
}

void Peer::Ask(const SimCall& call) {
  const uint64_t number = run_.ledger().Begin(index_, call.idempotent);
  const Message message = Message::Text(call.method, TextOf(number, call.bytes));
  SendOptions options = OptionsOf(call);
  run_.Note(node_, absl::StrCat("sends call ", number, " by method ", call.method));
  if (call.one_way) {
    // Nobody is told of it: it is not an open call.
    const absl::Status posted = node_.rain().Post(protocol_, KeyOf(call.server), message, options);
    run_.ledger().OnSendReturned(number, posted);
    if (posted.ok()) run_.ledger().OnPosted(number);
    return;
  }
  if (call.cancelled_after < absl::InfiniteDuration()) {
    options.cancellation = &cancellations_[number];
    run_.world().agenda().In(call.cancelled_after, [this, alive = std::weak_ptr<int>(alive_), number] {
      if (alive.expired()) return;
      cancellations_[number].Cancel();
      cancellations_.erase(number);
    });
  }
  const absl::Status sent =
      node_.rain().Send(protocol_, KeyOf(call.server), message,
                        Callback<Message>([=, this](absl::StatusOr<Message> reply) { OnOutcome(number, reply); }), options);
  run_.ledger().OnSendReturned(number, sent);
}

void Peer::OnOutcome(uint64_t number, const absl::StatusOr<Message>& reply) {
  if (!node_.up()) return;
  run_.Note(node_, absl::StrCat("call ", number, " ends: ", TextOf(reply.status())));
  run_.ledger().OnOutcome(number, reply.status(), !reply.ok() || NumberIn(reply->text()) == number);
}

// What the listener had read is answered; then it listens again.
void Peer::DrainListener() {
  if (!serves() || draining_) return;
  draining_ = true;
  run_.Note(node_, "drains its listener");
  std::exchange(listener_, Listener()).DrainThen(absl::Seconds(2), [this, alive = std::weak_ptr<int>(alive_)](DrainReport) {
    if (alive.expired() || !node_.up()) return;
    run_.Note(node_, "has drained its listener");
    draining_ = false;
    Listen();
  });
}

SimRun::SimRun(const SimPlan& plan, bool keeps_lines)
    : plan_(plan), world_(plan.seed, keeps_lines), ledger_([this](absl::string_view what) { world_.Fail(what); }) {
  const SimSetting& setting = plan.setting;
  world_.network().SetLink({setting.latency, setting.jitter, setting.bytes_per_second, setting.buffer_bytes});
  for (size_t i = 0; i < setting.servers + setting.clients; ++i) {
    const bool serves = i < setting.servers;
    world_.AddNode(serves ? absl::StrCat("server-", i) : absl::StrCat("client-", i - setting.servers), {setting.loops},
                   [this, i](SimNode& node) { return std::make_unique<Peer>(*this, node, i); });
  }
  for (const SimCall& call : plan.calls) {
    world_.agenda().In(call.at, [this, &call] {
      SimNode& node = *world_.nodes()[plan_.setting.servers + call.client];
      if (!node.up() || node.paused() || !node.started()) return;
      if (call.from_outside) return static_cast<Peer&>(node.program()).Ask(call);
      node.Run([&node, &call] { static_cast<Peer&>(node.program()).Ask(call); });
    });
  }
  for (const SimFault& fault : plan.faults) {
    world_.agenda().In(fault.at, [this, &fault] { Strike(fault); });
  }
}

void SimRun::During(const SimFault& fault, std::function<void(bool)> toggle) {
  toggle(true);
  world_.agenda().In(fault.lasts, [toggle = std::move(toggle)] { toggle(false); });
}

void SimRun::Strike(const SimFault& fault) {
  SimNode& node = *world_.nodes()[fault.node];
  if (!node.up() || !node.started()) return;
  NoteStates(fault);
  Note(node, absl::StrCat("fault: ", NameOf(fault.kind)));
  const auto dialing = [&](SimDialing how) {
    During(fault, [this, &node, how](bool on) { world_.network().SetDialing(node.name(), on ? how : SimDialing::works); });
  };
  switch (fault.kind) {
    case SimFaultKind::refused_connects:
      return dialing(SimDialing::refused);
    case SimFaultKind::unresolvable_names:
      return dialing(SimDialing::unresolvable);
    case SimFaultKind::black_holed_connects:
      return dialing(SimDialing::black_hole);
    case SimFaultKind::failed_accepts:
      return world_.network().FailAccepts(node.name(), 1 + static_cast<int>(fault.bytes % 8));
    case SimFaultKind::partition: {
      SimNode& other = *world_.nodes()[fault.other];
      if (&other == &node) return;
      return During(fault, [this, &node, &other](bool on) { world_.network().Part(node.name(), other.name(), on); });
    }
    case SimFaultKind::crash:
      ledger_.Forget(fault.node);
      world_.Crash(node);
      return world_.agenda().In(fault.lasts, [this, &node] { world_.Start(node); });
    case SimFaultKind::standstill:
      return During(fault, [this, &node](bool on) { world_.Pause(node, on); });
    case SimFaultKind::drain:
      return node.Run([&node] { static_cast<Peer&>(node.program()).DrainListener(); });
    default:
      return StrikeRoad(fault);
  }
}

// One of the node's connections.
void SimRun::StrikeRoad(const SimFault& fault) {
  const std::string& name = world_.nodes()[fault.node]->name();
  std::vector<SimNetwork::Road> roads = world_.network().Roads();
  roads.erase(
      std::remove_if(roads.begin(), roads.end(), [&](const auto& road) { return road.dialer != name && road.acceptor != name; }),
      roads.end());
  if (roads.empty()) return;
  const auto road = roads[static_cast<size_t>(fault.bytes % roads.size())];
  const auto connection = road.connection.lock();
  const int side = road.dialer == name ? 0 : 1;
  if (fault.kind == SimFaultKind::lost_connection) return connection->BreakAfter(side, fault.bytes);
  During(fault, [weak = road.connection, side, kind = fault.kind](bool on) {
    const auto held = weak.lock();
    if (held == nullptr) return;
    if (kind == SimFaultKind::stopped_reader) return held->Starve(side, on);
    held->Hold(side, on);
  });
}

void SimRun::NoteStates(const SimFault& fault) {
  SimNode& node = *world_.nodes()[fault.node];
  const auto note = [&](SimEngineState state) {
    ++result_.matrix[{static_cast<size_t>(fault.kind), static_cast<size_t>(state)}];
  };
  for (const PooledTransport& transport : node.rain().Transports()) {
    if (transport.state == LinkState::connecting) note(SimEngineState::connecting);
    if (transport.state == LinkState::down) note(SimEngineState::reconnecting);
    if (transport.queued_packets > 0) note(SimEngineState::queued);
    if (transport.state == LinkState::connected && transport.queued_bytes > 0) note(SimEngineState::partly_written);
    if (transport.in_flight > 0) note(SimEngineState::awaiting_reply);
  }
  const Peer& peer = static_cast<Peer&>(node.program());
  if (peer.handling()) note(SimEngineState::replying);
  if (peer.draining()) note(SimEngineState::draining);
}

// Of each node: what was started is somewhere.
void SimRun::CheckBalance() {
  for (const auto& node : world_.nodes()) {
    if (!node->up() || !node->started()) continue;
    const Stats stats = node->rain().StatsOf(static_cast<Peer&>(node->program()).protocol());
    if (!stats.Balanced()) world_.Fail(absl::StrCat(node->name(), ": the sums do not add up"));
  }
}

SimResult SimRun::Finish() {
  constexpr int kStepsPerCheck = 256;
  const Instant last = world_.now() + absl::Seconds(25) + kPatience;
  const Instant planned = world_.now() + absl::Seconds(25);
  for (int step = 0; world_.Step(planned); ++step) {
    if (step % kStepsPerCheck == 0) CheckBalance();
  }
  while (ledger_.open() > 0 && world_.Step(last)) {
  }
  CheckBalance();
  if (ledger_.open() > 0) world_.Fail(absl::StrCat("no outcome came: ", ledger_.AnOpenCall()));
  for (const auto& node : world_.nodes()) {
    if (node->up()) world_.End(*node);
  }
  const CallLedger::Sums sums = ledger_.sums();
  result_.failure = world_.failure();
  result_.hash = world_.history().hash();
  result_.lines = world_.history().lines();
  result_.calls = sums.begun;
  result_.replied = sums.replied;
  result_.failed = sums.failed;
  result_.refused = sums.refused;
  return std::move(result_);
}

}  // namespace

const char* NameOf(SimFaultKind kind) {
  constexpr const char* kNames[] = {"refused connects",
                                    "unresolvable names",
                                    "black-holed connects",
                                    "failed accepts",
                                    "lost connection",
                                    "half-open connection",
                                    "stopped reader",
                                    "partition",
                                    "crash",
                                    "standstill",
                                    "drain"};
  static_assert(std::size(kNames) == kSimFaultKinds);
  return kNames[static_cast<size_t>(kind)];
}

const char* NameOf(SimEngineState state) {
  constexpr const char* kNames[] = {"connecting", "queued",       "partly written", "awaiting reply",
                                    "replying",   "reconnecting", "draining",       "stopping"};
  static_assert(std::size(kNames) == kSimEngineStates);
  return kNames[static_cast<size_t>(state)];
}

SimResult Run(const SimPlan& plan, bool keeps_lines) { return SimRun(plan, keeps_lines).Finish(); }

}  // namespace rain
