#include "listenrain/testing/sim_workload.h"

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "listenrain/testing/shorten.h"
#include "listenrain/testing/sim_peer.h"

namespace rain {
namespace {

constexpr absl::Duration kHealed = absl::Seconds(15);  // after the last fault and call: when all of them are over
constexpr absl::Duration kGrace = absl::Seconds(12);   // how late an outcome may come: its node may stand still, and again
constexpr absl::Duration kLater = absl::Milliseconds(50);
constexpr int kRounds = 8;  // of calls when all is calm: the last one must succeed
constexpr absl::Duration kBetweenRounds = absl::Seconds(20);
constexpr size_t kCallsARound = 20;
constexpr absl::Duration kRound = absl::Seconds(60);

// One plan's world.
class SimRun {
 public:
  SimRun(const SimPlan& plan, bool keeps_lines);
  SimResult Finish();

 private:
  SimPeer& PeerOf(SimNode& node) const { return static_cast<SimPeer&>(*node.program()); }
  SimNode& NodeAt(size_t index) const { return *world_.nodes()[index]; }
  void Ask(const SimCall& call);
  void OnFault(const SimFault& fault, SimNode& node);
  std::string BeyondLimits(SimNode& node) const;
  void CheckNow();
  void CheckOverdue();
  void CheckCalm();
  std::string LeftOn(SimNode& node) const;
  void CheckRest();
  size_t AskAll();

  const SimPlan& plan_;
  SimWorld world_;
  SimAccounts accounts_;
  SimFaults faults_;
  uint64_t steps_ = 0;
  Instant checked_ = world_.now();
};

SimRun::SimRun(const SimPlan& plan, bool keeps_lines)
    : plan_(plan),
      world_(plan.seed, keeps_lines),
      accounts_(plan, world_),
      faults_(world_, plan.faults, [this](const SimFault& fault, SimNode& node) { OnFault(fault, node); }) {
  world_.network().SetLink(plan.setting.link);
  for (size_t i = 0; i < plan.setting.servers + plan.setting.clients; ++i) {
    world_.AddNode(plan.setting.NodeName(i), {.loops = plan.setting.loops, .observed = plan.setting.observed},
                   [this, i](SimNode& node) { return NewSimPeer(accounts_, node, i); });
  }
  for (const SimCall& call : plan.calls) world_.agenda().In(call.at, [this, &call] { Ask(call); });
  world_.Watch([this] { CheckNow(); });
}

// One that is down, or stands still, asks nothing: then the next client does, or it is done a little later.
void SimRun::Ask(const SimCall& call) {
  for (size_t i = 0; i < plan_.setting.clients; ++i) {
    SimNode& node = NodeAt(plan_.setting.servers + (call.client + i) % plan_.setting.clients);
    if (!node.up() || node.paused() || node.program() == nullptr) continue;
    if (call.from_outside) return PeerOf(node).Ask(call);
    return node.Run([this, &node, &call] { PeerOf(node).Ask(call); });
  }
  world_.agenda().In(kLater, [this, &call] { Ask(call); });
}

void SimRun::OnFault(const SimFault& fault, SimNode& node) {
  if (fault.kind != SimFaultKind::crash) return;
  for (size_t i = 0; i < world_.nodes().size(); ++i) {
    if (&NodeAt(i) == &node) accounts_.calls.Forget(i);
  }
}

// What holds more than it may, in words. Requests of a dead channel that go out again were accepted before: they wait beside what
// the queue may hold. (So do one-way messages that went straight to it and were not taken. Bursts here are too small for that to
// show.)
std::string SimRun::BeyondLimits(SimNode& node) const {
  const Limits& limits = plan_.setting.limits;
  for (const PooledTransport& transport : node.rain().Transports()) {
    const bool within = transport.queued_packets <= limits.max_queued_packets + limits.window_requests &&
                        transport.queued_bytes <= limits.max_queued_bytes + limits.window_bytes &&
                        transport.in_flight <= limits.window_requests;
    if (within) continue;
    return absl::StrCat(transport.key.text(), " holds more than its limits: ", transport.queued_packets, " packets, ",
                        transport.queued_bytes, " bytes, ", transport.in_flight, " requests in flight");
  }
  return "";
}

// After a step: nothing holds more than it may, what was started is somewhere, and no outcome is late.
void SimRun::CheckNow() {
  constexpr uint64_t kStepsPerCheck = 64;
  if (++steps_ % kStepsPerCheck != 0) return;
  for (const auto& node : world_.nodes()) {
    if (!node->serving()) continue;
    const SimPeer& peer = PeerOf(*node);
    if (!peer.stats().Balanced()) world_.Fail(absl::StrCat(node->name(), ": the sums do not add up"));
    const std::string beyond = BeyondLimits(*node);
    if (!beyond.empty()) world_.Fail(absl::StrCat(node->name(), ": ", beyond));
  }
  if (world_.now() - checked_ < absl::Seconds(1)) return;
  checked_ = world_.now();
  CheckOverdue();
}

void SimRun::CheckOverdue() {
  for (size_t i = 0; i < world_.nodes().size(); ++i) {
    SimNode& node = NodeAt(i);
    if (!node.serving() || node.paused()) continue;
    const std::string overdue = accounts_.calls.AnOpenCall(i, world_.now() + -kGrace);
    if (!overdue.empty()) world_.Fail(absl::StrCat("long overdue: ", overdue));
  }
}

// Every client asks every server, often. How many did not get a reply?
size_t SimRun::AskAll() {
  struct Round {
    size_t asked = 0, ended = 0, replied = 0;
  };
  const auto round = std::make_shared<Round>();  // an outcome may come after the world was found to fail
  for (size_t client = 0; client < plan_.setting.clients; ++client) {
    SimNode& node = NodeAt(plan_.setting.servers + client);
    for (size_t i = 0; i < plan_.setting.servers * kCallsARound; ++i) {
      ++round->asked;
      node.Run([this, &node, i, round] {
        SimCall call;
        call.server = i / kCallsARound;
        call.bytes = 100;
        call.timeout = kRound;
        call.idempotent = call.wait_for_ready = call.waits_for_room = true;
        PeerOf(node).Ask(call, [round](const absl::Status& outcome) {
          ++round->ended;
          round->replied += outcome.ok();
        });
      });
    }
  }
  if (!world_.RunUntil([&] { return round->ended == round->asked; }, 2 * kRound)) {
    world_.Fail(absl::StrCat("all is calm, but ", round->asked - round->ended, " calls have no outcome"));
  }
  return round->asked - round->replied;
}

// When nothing befalls anybody any more, calls succeed again. Not at once: requests that were given up may still be on their way
// over a slow link, and hold the servers' windows when they arrive.
void SimRun::CheckCalm() {
  size_t failed = AskAll();
  for (int round = 1; round < kRounds && failed > 0 && world_.failure().empty(); ++round) {
    world_.RunFor(kBetweenRounds);
    failed = AskAll();
  }
  if (failed > 0) world_.Fail(absl::StrCat("all is calm, but ", failed, " calls of the last round failed"));
}

// What the node still holds of what was asked, in words.
std::string SimRun::LeftOn(SimNode& node) const {
  if (!node.serving()) return absl::StrCat(node.name(), " does not serve");
  const Stats stats = PeerOf(node).stats();
  if (!stats.Balanced()) return absl::StrCat(node.name(), ": the sums do not add up");
  if (stats.in_flight > 0) return absl::StrCat(node.name(), ": ", stats.in_flight, " are in flight");
  for (const PooledTransport& transport : node.rain().Transports()) {
    if (transport.in_flight + transport.queued_packets + transport.queued_bytes == 0) continue;
    return absl::StrCat(node.name(), ": ", transport.key.text(), " holds ", transport.queued_packets, " packets, ",
                        transport.queued_bytes, " bytes, ", transport.in_flight, " requests");
  }
  return "";
}

// The longest that `bytes` take: a buffer full at a time, each for a way there and back.
absl::Duration LongestWay(const SimLink& link, size_t bytes) {
  const double buffers_full = static_cast<double>(bytes) / static_cast<double>(link.buffer_bytes);
  return 2 * (link.latency + link.jitter) * buffers_full +
         absl::Seconds(static_cast<double>(bytes) / static_cast<double>(link.bytes_per_second));
}

// When nobody asks any more, nothing is left of what was asked, once what is queued (messages one way) had the time to be sent.
void SimRun::CheckRest() {
  const auto left = [this] {
    std::string all;
    for (const auto& node : world_.nodes()) absl::StrAppend(&all, LeftOn(*node));
    return all;
  };
  size_t queued_bytes = 0;
  for (const auto& node : world_.nodes()) {
    if (!node->serving()) continue;
    for (const PooledTransport& transport : node->rain().Transports()) queued_bytes += transport.queued_bytes;
  }
  const absl::Duration within = kRound + LongestWay(plan_.setting.link, queued_bytes);
  if (!world_.RunUntil([&] { return left().empty(); }, within)) world_.Fail(absl::StrCat("at rest ", left()));
}

SimResult SimRun::Finish() {
  world_.RunFor(plan_.setting.time + kHealed);
  (void)world_.RunUntil([this] { return accounts_.calls.open() == 0; }, kRound);  // what was late made others late
  if (accounts_.calls.open() > 0) world_.Fail(absl::StrCat("no outcome came: ", accounts_.calls.AnOpenCall()));
  CheckCalm();
  CheckRest();
  for (const auto& node : world_.nodes()) world_.End(*node);
  const CallLedger::Sums sums = accounts_.calls.sums();
  SimResult result;
  result.failure = world_.failure();
  result.hash = world_.history().hash();
  result.lines = world_.history().lines();
  result.calls = sums.begun;
  result.replied = sums.replied;
  result.failed = sums.failed;
  result.refused = sums.refused;
  result.faults = faults_.struck();
  result.matrix = faults_.matrix();
  return result;
}

// Failures of one kind have the same words.
std::string KindOf(const std::string& failure) {
  constexpr size_t kLetters = 24;
  std::string kind;
  for (const char c : failure) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(c)) && kind.size() < kLetters) kind += c;
  }
  return kind;
}

// The same plan with other things in one of its lists fails in the same way.
template <class T>
void ShortenPart(SimPlan& plan, const std::string& kind, std::vector<T> SimPlan::*part) {
  plan.*part = Shorten<T>(plan.*part, [&](const std::vector<T>& things) {
    SimPlan other = plan;
    other.*part = things;
    return KindOf(CarryOut(other).failure) == kind;
  });
}

}  // namespace

SimResult CarryOut(const SimPlan& plan, bool keeps_lines) { return SimRun(plan, keeps_lines).Finish(); }

SimPlan Shorten(const SimPlan& plan) {
  SimPlan shorter = plan;
  const std::string kind = KindOf(CarryOut(plan).failure);
  ShortenPart(shorter, kind, &SimPlan::faults);
  ShortenPart(shorter, kind, &SimPlan::calls);
  ShortenPart(shorter, kind, &SimPlan::faults);
  return shorter;
}

}  // namespace rain
