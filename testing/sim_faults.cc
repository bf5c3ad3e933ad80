#include "listenrain/testing/sim_faults.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rain {
namespace {

constexpr absl::Duration kWaitForMoment = absl::Seconds(2);
constexpr uint64_t kStepsPerLook = 16;  // at transports, which takes its time
constexpr absl::Duration kDrain = absl::Seconds(2);

// What can be said of a node without a look at its transports.
bool IsOfTheNode(SimEngineState state) {
  return state == SimEngineState::replying || state == SimEngineState::draining || state == SimEngineState::stopping;
}

bool IsOfAConnection(SimFaultKind kind) {
  return kind == SimFaultKind::lost_connection || kind == SimFaultKind::half_open_connection ||
         kind == SimFaultKind::slow_reader || kind == SimFaultKind::stopped_reader;
}

bool IsIn(const PooledTransport& transport, SimEngineState state) {
  switch (state) {
    case SimEngineState::connecting:
      return transport.state == LinkState::connecting;
    case SimEngineState::reconnecting:
      return transport.state == LinkState::down;
    case SimEngineState::queued:
      return transport.queued_packets > 0;
    case SimEngineState::partly_written:
      return transport.state == LinkState::connected && transport.queued_bytes > 0;
    case SimEngineState::awaiting_reply:
      return transport.in_flight > 0;
    default:
      return false;
  }
}

bool IsIn(SimNode& node, const std::vector<PooledTransport>& transports, SimEngineState state) {
  if (state == SimEngineState::stopping) return node.stopping();
  const SimProgram* program = node.program();
  if (state == SimEngineState::replying) return program != nullptr && program->answering();
  if (state == SimEngineState::draining) return program != nullptr && program->draining();
  return std::any_of(transports.begin(), transports.end(), [state](const auto& transport) { return IsIn(transport, state); });
}

}  // namespace

const char* NameOf(SimFaultKind kind) {
  constexpr const char* kNames[] = {
#define RAIN_SIM_FAULT_NAME(name, text) text,
      RAIN_SIM_FAULTS(RAIN_SIM_FAULT_NAME)
#undef RAIN_SIM_FAULT_NAME
  };
  return kNames[static_cast<size_t>(kind)];
}

const char* NameOf(SimEngineState state) {
  constexpr const char* kNames[] = {
#define RAIN_SIM_STATE_NAME(name, text) text,
      RAIN_SIM_STATES(RAIN_SIM_STATE_NAME)
#undef RAIN_SIM_STATE_NAME
  };
  return kNames[static_cast<size_t>(state)];
}

std::string SimFault::ToString() const {
  std::string text = absl::StrCat("at ", absl::FormatDuration(at), " node ", node, ": ", NameOf(kind));
  if (moment.has_value()) absl::StrAppend(&text, ", at the first that is ", NameOf(*moment));
  if (kind == SimFaultKind::partition) absl::StrAppend(&text, " from node ", other);
  return absl::StrCat(text, "; ", absl::FormatDuration(lasts), ", amount ", amount);
}

void SimMatrix::Add(const SimMatrix& other) {
  for (size_t kind = 0; kind < kSimFaultKinds; ++kind) {
    for (size_t state = 0; state < kSimEngineStates; ++state) counts_[kind][state] += other.counts_[kind][state];
  }
}

size_t SimMatrix::empty_cells() const {
  size_t empty = 0;
  for (const auto& row : counts_) empty += static_cast<size_t>(std::count(std::begin(row), std::end(row), 0u));
  return empty;
}

std::string SimMatrix::ToString() const {
  std::string table = absl::StrFormat("%-22s", "");
  for (size_t state = 0; state < kSimEngineStates; ++state) {
    absl::StrAppendFormat(&table, "%15s", NameOf(static_cast<SimEngineState>(state)));
  }
  absl::StrAppend(&table, "\n");
  for (size_t kind = 0; kind < kSimFaultKinds; ++kind) {
    absl::StrAppendFormat(&table, "%-22s", NameOf(static_cast<SimFaultKind>(kind)));
    for (const uint64_t count : counts_[kind]) absl::StrAppendFormat(&table, "%15d", count);
    absl::StrAppend(&table, "\n");
  }
  return table;
}

std::vector<SimFault> DrawFaults(SimRandom& random, size_t nodes, size_t count, absl::Duration within,
                                 const std::vector<SimFaultKind>& kinds) {
  std::vector<SimFault> faults;
  while (faults.size() < count) {
    SimFault fault;
    fault.at = random.Below(within);
    fault.kind = kinds.empty() ? static_cast<SimFaultKind>(random.Below(kSimFaultKinds))
                               : kinds[static_cast<size_t>(random.Below(kinds.size()))];
    if (random.OneIn(2)) fault.moment = static_cast<SimEngineState>(random.Below(kSimEngineStates));
    fault.node = static_cast<size_t>(random.Below(nodes));
    fault.other = static_cast<size_t>(random.Below(nodes));
    fault.lasts = random.LogMilliseconds(1, 5000);
    fault.amount = random.LogBetween(1, 100'000);
    // Another one that waits for a stop or drain, to meet it before it is over.
    if (!faults.empty() && random.OneIn(2)) {
      const SimFault& last = faults.back();
      if (last.kind == SimFaultKind::stop) fault.moment = SimEngineState::stopping;
      if (last.kind == SimFaultKind::drain) fault.moment = SimEngineState::draining;
      if (last.kind == SimFaultKind::stop || last.kind == SimFaultKind::drain)
        fault.at = last.at - std::min(last.at, absl::Milliseconds(1));
    }
    faults.push_back(fault);
  }
  std::stable_sort(faults.begin(), faults.end(), [](const SimFault& a, const SimFault& b) { return a.at < b.at; });
  return faults;
}

std::vector<SimEngineState> StatesOf(SimNode& node) {
  std::vector<SimEngineState> states;
  if (!node.up()) return states;
  const std::vector<PooledTransport> transports = node.rain().Transports();
  for (size_t i = 0; i < kSimEngineStates; ++i) {
    const auto state = static_cast<SimEngineState>(i);
    if (IsIn(node, transports, state)) states.push_back(state);
  }
  return states;
}

SimFaults::SimFaults(SimWorld& world, std::vector<SimFault> faults, Told told)
    : world_(world), faults_(std::move(faults)), told_(std::move(told)) {
  for (const SimFault& fault : faults_) {
    world_.agenda().In(fault.at, [this, &fault] {
      waiting_.push_back({&fault, world_.now() + kWaitForMoment});
      world_.agenda().In(kWaitForMoment, [] {});  // so that something happens then
    });
  }
  world_.Watch([this] {
    ++steps_;
    if (!waiting_.empty()) StrikeThoseWhoseMomentCame();
  });
}

void SimFaults::StrikeThoseWhoseMomentCame() {
  for (size_t i = 0; i < waiting_.size();) {
    const SimFault& fault = *waiting_[i].fault;
    const bool may_wait = world_.now() < waiting_[i].until;
    SimNode* const node = NodeFor(fault.node, may_wait ? fault.moment : std::nullopt);
    if (may_wait && (node == nullptr || (IsOfAConnection(fault.kind) && world_.network().Roads().empty()))) {
      ++i;
      continue;
    }
    waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(i));
    if (node != nullptr) Strike(fault, *node);
  }
}

// One in this state, if given. Null: none now.
SimNode* SimFaults::NodeFor(size_t first, std::optional<SimEngineState> moment) const {
  const bool looks = moment.has_value() && !IsOfTheNode(*moment);
  if (looks && steps_ % kStepsPerLook != 0) return nullptr;
  const auto& nodes = world_.nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    SimNode& node = *nodes[(first + i) % nodes.size()];
    if (!node.up()) continue;
    if (!moment.has_value() ? node.serving()
                            : IsIn(node, looks ? node.rain().Transports() : std::vector<PooledTransport>(), *moment)) {
      return &node;
    }
  }
  return nullptr;
}

void SimFaults::Strike(const SimFault& fault, SimNode& node) {
  const std::vector<SimEngineState> states = StatesOf(node);
  world_.history().Note(node.name(), absl::StrCat("fault: ", NameOf(fault.kind)));
  if (told_) told_(fault, node);
  if (!StrikeNode(fault, node) && !StrikeConnection(fault, node)) return;
  ++struck_;
  for (const SimEngineState state : states) ++matrix_.At(fault.kind, state);
}

void SimFaults::During(const SimFault& fault, std::function<void(bool)> toggle) {
  toggle(true);
  world_.agenda().In(fault.lasts, [toggle = std::move(toggle)] { toggle(false); });
}

void SimFaults::Dialing(const SimFault& fault, SimNode& node, SimDialing dialing) {
  During(fault, [this, &node, dialing](bool on) { world_.network().SetDialing(node.name(), on ? dialing : SimDialing::works); });
}

// By a drain of everything first, or at once.
void SimFaults::StopAndStart(const SimFault& fault, SimNode& node) {
  const bool gentle = fault.amount % 2 == 0 && !node.stopping();
  if (gentle) node.Run([&node] { node.rain().Drain(kDrain); });
  const auto stop = [this, &node, fault] {
    world_.Stop(node);
    world_.agenda().In(fault.lasts, [this, &node] { world_.Start(node); });
  };
  if (!gentle) return stop();
  world_.agenda().In(kDrain + absl::Milliseconds(100), stop);
}

// False: it is not one of a node's.
bool SimFaults::StrikeNode(const SimFault& fault, SimNode& node) {
  switch (fault.kind) {
    case SimFaultKind::refused_connects:
      Dialing(fault, node, SimDialing::refused);
      return true;
    case SimFaultKind::unresolvable_names:
      Dialing(fault, node, SimDialing::unresolvable);
      return true;
    case SimFaultKind::black_holed_connects:
      Dialing(fault, node, SimDialing::black_hole);
      return true;
    case SimFaultKind::failed_accepts:
      world_.network().FailAccepts(node.name(), 1 + static_cast<int>(fault.amount % 8));
      return true;
    case SimFaultKind::partition: {
      const auto& nodes = world_.nodes();
      SimNode* other = nodes[fault.other % nodes.size()].get();
      if (other == &node) other = nodes[(fault.other + 1) % nodes.size()].get();
      During(fault, [this, &node, other](bool on) { world_.network().Part(node.name(), other->name(), on); });
      return true;
    }
    case SimFaultKind::crash:
      world_.Crash(node);
      world_.agenda().In(fault.lasts, [this, &node] { world_.Start(node); });
      return true;
    case SimFaultKind::standstill:
      During(fault, [this, &node](bool on) { world_.Pause(node, on); });
      return true;
    case SimFaultKind::drain:
      node.Run([&node] {
        if (node.program() != nullptr) node.program()->Drain();
      });
      return true;
    case SimFaultKind::stop:
      StopAndStart(fault, node);
      return true;
    case SimFaultKind::scarce_memory:
      During(fault, [memory = std::weak_ptr(node.memory()), amount = fault.amount](bool on) {
        if (const auto here = memory.lock()) here->RefuseOneIn(on ? 1 + amount % 8 : 0);
      });
      return true;
    case SimFaultKind::clock_jump:
      world_.JumpClock(node, fault.lasts);
      return true;
    default:
      return false;
  }
}

// One of the node's connections, or if it has none of another's; false if there are none at all.
bool SimFaults::StrikeConnection(const SimFault& fault, SimNode& node) {
  std::vector<SimNetwork::Road> roads = world_.network().Roads();
  const auto elsewhere = [&](const auto& road) { return road.dialer != node.name() && road.acceptor != node.name(); };
  const auto others = std::stable_partition(roads.begin(), roads.end(), [&](const auto& road) { return !elsewhere(road); });
  if (others != roads.begin()) roads.erase(others, roads.end());
  if (roads.empty()) return false;
  const auto road = roads[static_cast<size_t>(fault.amount % roads.size())];
  const auto connection = road.connection.lock();
  const int side = road.dialer == node.name() ? 0 : 1;
  if (fault.kind == SimFaultKind::lost_connection) {
    connection->BreakAfter(side, fault.amount);
    return true;
  }
  During(fault, [weak = road.connection, side, kind = fault.kind, heals = fault.amount % 2 == 0](bool on) {
    const auto held = weak.lock();
    if (held == nullptr) return;
    if (kind == SimFaultKind::stopped_reader) return held->Starve(side, on);
    if (kind == SimFaultKind::slow_reader) return held->Slow(side, on);
    held->Hold(side, on);
    if (!on && !heals) held->Break();
  });
  return true;
}

}  // namespace rain
