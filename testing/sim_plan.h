// SimPlan: what is to happen in one simulated world: how its nodes are set up, what they ask each other, and what befalls them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "listenrain/testing/sim_connection.h"
#include "listenrain/testing/sim_faults.h"

namespace rain {

// What the nodes speak.
enum class SimWire : uint8_t { compact, capnp, uuid_binary, uuid_text, line };
// Where handlers and callbacks run: as on a pool of threads, in order on such a pool, or on the loops.
enum class SimRunner : uint8_t { any_order, serial, on_the_loop };
// How a caller waits for its outcome.
enum class SimStyle : uint8_t { callback, coroutine, stat_machine };
constexpr size_t kSimWires = 5, kSimRunners = 3, kSimStyles = 3;

// What becomes of a request at its handler, by method.
enum SimMethod : int64_t { kAnswerLater, kAnswerMuchLater, kDrop, kThrow, kAskBack, kFail, kReplyByTask, kReply, kSimMethods };

// What a client does.
struct SimCall {
  absl::Duration at;  // from the beginning on
  size_t client = 0;
  size_t server = 0;
  int64_t method = kReply;
  size_t bytes = 0;
  absl::Duration timeout;
  absl::Duration cancelled_after = absl::InfiniteDuration();
  SimStyle style{};
  int priority = 0;
  bool idempotent = false;
  bool wait_for_ready = false;
  bool waits_for_room = false;
  bool one_way = false;
  bool from_outside = false;  // of the client's loops: as another thread
};

// How a plan's nodes are set up, alike.
struct SimSetting {
  size_t servers = 1, clients = 1;
  int loops = 1;
  SimWire wire{};
  SimRunner runner{};
  bool by_priority = false;
  bool observed = false;  // see SimNode::Options
  Limits limits;
  PoolOptions pool;
  absl::Duration keepalive;
  absl::Duration longest_backoff;
  bool fails_over = false;  // clients' keys name every server
  // Nothing befalls the nodes but what loses nothing, and so nothing may be lost.
  bool gentle = false;
  SimLink link;
  absl::Duration time;             // in which all calls and faults begin
  size_t burst = 1;                // so many calls are made at once, and then there is a pause
  bool burst_has_one_way = false;  // all its calls are from one client to one server
  uint64_t usual_bytes = 1;        // that most messages have at most

  bool has_kinds() const { return wire != SimWire::line; }
  bool is_native() const { return wire == SimWire::compact || wire == SimWire::capnp; }
  // Nothing that is sent takes long.
  bool is_prompt() const;
  // Servers come first.
  std::string NodeName(size_t index) const;
  // In one line.
  std::string ToString() const;
};

struct SimPlan {
  uint64_t seed = 0;
  SimSetting setting;
  std::vector<SimCall> calls;    // in order of time
  std::vector<SimFault> faults;  // the same
};

// The same arguments give the same plan, on every machine.
SimPlan PlanOf(uint64_t seed, size_t calls = 1300, size_t faults = 40);

}  // namespace rain
