// SimFaults: what befalls a simulated world's nodes and connections, at chosen or random moments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "listenrain/testing/sim_random.h"
#include "listenrain/testing/sim_world.h"

namespace rain {

// X(name, text). Those that last are ended after a while; a node that crashed or stopped begins anew.
#define RAIN_SIM_FAULTS(X)                        \
  X(refused_connects, "refused connects")         \
  X(unresolvable_names, "unresolvable names")     \
  X(black_holed_connects, "black-holed connects") \
  X(failed_accepts, "failed accepts")             \
  X(lost_connection, "lost connection")           \
  X(half_open_connection, "half-open connection") \
  X(slow_reader, "slow reader")                   \
  X(stopped_reader, "stopped reader")             \
  X(partition, "partition")                       \
  X(crash, "crash")                               \
  X(standstill, "standstill")                     \
  X(drain, "drain")                               \
  X(stop, "stop")                                 \
  X(scarce_memory, "scarce memory")               \
  X(clock_jump, "clock jump")
enum class SimFaultKind : uint8_t {
#define RAIN_SIM_FAULT(name, text) name,
  RAIN_SIM_FAULTS(RAIN_SIM_FAULT)
#undef RAIN_SIM_FAULT
};

// X(name, text). What a node's engine is doing; several of them at once.
#define RAIN_SIM_STATES(X)            \
  X(connecting, "connecting")         \
  X(queued, "queued")                 \
  X(partly_written, "partly written") \
  X(awaiting_reply, "awaiting reply") \
  X(replying, "replying")             \
  X(reconnecting, "reconnecting")     \
  X(draining, "draining")             \
  X(stopping, "stopping")
enum class SimEngineState : uint8_t {
#define RAIN_SIM_STATE(name, text) name,
  RAIN_SIM_STATES(RAIN_SIM_STATE)
#undef RAIN_SIM_STATE
};

constexpr size_t kSimFaultKinds = static_cast<size_t>(SimFaultKind::clock_jump) + 1;
constexpr size_t kSimEngineStates = static_cast<size_t>(SimEngineState::stopping) + 1;
const char* NameOf(SimFaultKind kind);
const char* NameOf(SimEngineState state);

// One thing that befalls a node.
struct SimFault {
  absl::Duration at;  // from the beginning on
  SimFaultKind kind{};
  // If given, it strikes whichever node is first in this state from then on; a random one if none comes there for a while.
  std::optional<SimEngineState> moment;
  size_t node = 0;  // by number; one that is not up is spared, and the next one taken
  size_t other = 0;
  absl::Duration lasts;
  uint64_t amount = 0;

  // In one line.
  std::string ToString() const;
};

// How often each kind of fault met each state.
class SimMatrix {
 public:
  uint64_t& At(SimFaultKind kind, SimEngineState state) { return counts_[static_cast<size_t>(kind)][static_cast<size_t>(state)]; }
  void Add(const SimMatrix& other);
  size_t empty_cells() const;
  // A table.
  std::string ToString() const;

 private:
  uint64_t counts_[kSimFaultKinds][kSimEngineStates] = {};
};

// In order of time. `kinds`: those to draw from; all if empty.
std::vector<SimFault> DrawFaults(SimRandom& random, size_t nodes, size_t count, absl::Duration within,
                                 const std::vector<SimFaultKind>& kinds = {});

// Made when the world's time begins; must live as long as the world runs. Thread: one.
class SimFaults final {
 public:
  // Called for each fault as it strikes a node.
  using Told = std::function<void(const SimFault&, SimNode&)>;

  SimFaults(SimWorld& world, std::vector<SimFault> faults, Told told = nullptr);

  // How many have struck.
  size_t struck() const { return struck_; }
  const SimMatrix& matrix() const { return matrix_; }

 private:
  struct Waiting {
    const SimFault* fault = nullptr;
    Instant until;
  };

  void StrikeThoseWhoseMomentCame();
  SimNode* NodeFor(size_t first, std::optional<SimEngineState> moment) const;
  void Strike(const SimFault& fault, SimNode& node);
  bool StrikeNode(const SimFault& fault, SimNode& node);
  bool StrikeConnection(const SimFault& fault, SimNode& node);
  void During(const SimFault& fault, std::function<void(bool)> toggle);
  void Dialing(const SimFault& fault, SimNode& node, SimDialing dialing);
  void StopAndStart(const SimFault& fault, SimNode& node);

  SimWorld& world_;
  const std::vector<SimFault> faults_;
  const Told told_;
  std::vector<Waiting> waiting_;  // for their moments
  uint64_t steps_ = 0;
  size_t struck_ = 0;
  SimMatrix matrix_;
};

// What the node's engine is doing now.
std::vector<SimEngineState> StatesOf(SimNode& node);

}  // namespace rain
