// SimPeer: the program that the nodes of a simulated plan run: servers listen, clients ask, and both keep account.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "listenrain/framework/counters.h"
#include "listenrain/testing/call_ledger.h"
#include "listenrain/testing/order_ledger.h"
#include "listenrain/testing/sim_plan.h"
#include "listenrain/testing/sim_world.h"

namespace rain {

// What all nodes of one plan share.
struct SimAccounts {
  SimAccounts(const SimPlan& of, SimWorld& in)
      : plan(of),
        world(in),
        calls([this](absl::string_view what) { world.Fail(what); }),
        order([this](absl::string_view what) { world.Fail(what); }) {}

  const SimPlan& plan;
  SimWorld& world;
  CallLedger calls;
  OrderLedger order;
  std::map<uint64_t, Instant> given_up;  // when calls ended by their caller's will, by number
  uint64_t streams = 0;                  // given out
  uint64_t receivers = 0;                // the same
};

// Thread: one.
class SimPeer : public SimProgram {
 public:
  // If `told`, it is told the outcome, or why Send refused.
  virtual void Ask(const SimCall& call, std::function<void(const absl::Status&)> told = nullptr) = 0;
  virtual Stats stats() const = 0;
};

// The node with this number; servers come first.
std::unique_ptr<SimPeer> NewSimPeer(SimAccounts& accounts, SimNode& node, size_t index);

}  // namespace rain
