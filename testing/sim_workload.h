// SimWorkload: what happens in one simulated world: calls, and faults meanwhile, all drawn from a seed; and whether every promise
// was kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace rain {

enum class SimFaultKind {
  refused_connects,
  unresolvable_names,
  black_holed_connects,
  failed_accepts,
  lost_connection,
  half_open_connection,
  stopped_reader,
  partition,
  crash,
  standstill,
  drain,
};
constexpr size_t kSimFaultKinds = 11;
const char* NameOf(SimFaultKind kind);

// What an engine is doing when a fault befalls it.
enum class SimEngineState { connecting, queued, partly_written, awaiting_reply, replying, reconnecting, draining, stopping };
constexpr size_t kSimEngineStates = 8;
const char* NameOf(SimEngineState state);

// What a caller does.
struct SimCall {
  absl::Duration at;
  size_t client = 0;
  size_t server = 0;
  int64_t method = 0;
  size_t bytes = 0;
  absl::Duration timeout;
  absl::Duration cancelled_after = absl::InfiniteDuration();
  bool idempotent = false;
  bool wait_for_ready = false;
  bool waits_for_room = false;
  bool one_way = false;
  bool from_outside = false;  // of the client's loops: as another thread
};

struct SimFault {
  absl::Duration at;
  SimFaultKind kind{};
  size_t node = 0;
  size_t other = 0;
  absl::Duration lasts;
  uint64_t bytes = 0;
};

// How the nodes are set up.
struct SimSetting {
  size_t servers = 1, clients = 1;
  int loops = 1;
  size_t window_requests = 1;
  size_t queued_packets = 1;
  size_t channels_per_key = 1;
  bool fails_over = false;  // clients' keys name every server
  absl::Duration keepalive;
  absl::Duration max_idle;
  absl::Duration latency, jitter;
  uint64_t bytes_per_second = 0;
  size_t buffer_bytes = 0;
};

struct SimPlan {
  uint64_t seed = 0;
  SimSetting setting;
  std::vector<SimCall> calls;
  std::vector<SimFault> faults;
};

// By the fault's kind and the engine's state: how often.
using SimMatrix = std::map<std::pair<size_t, size_t>, uint64_t>;

struct SimResult {
  std::string failure;  // empty: none
  uint64_t hash = 0;    // of the history
  std::vector<std::string> lines;
  uint64_t calls = 0, replied = 0, failed = 0, refused = 0;
  SimMatrix matrix;
};

SimPlan PlanOf(uint64_t seed, size_t calls = 1000, size_t faults = 20);
// The same plan has the same result. `keeps_lines`: the history too, and not its hash alone.
SimResult Run(const SimPlan& plan, bool keeps_lines = false);

// The shortest plan found that fails as well; `plan` does.
SimPlan Shorten(const SimPlan& plan);

}  // namespace rain
