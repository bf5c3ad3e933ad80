// SimWorkload: a plan, carried out in a simulated world; and whether every promise was kept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "listenrain/testing/sim_faults.h"
#include "listenrain/testing/sim_plan.h"

namespace rain {

// What became of a plan.
struct SimResult {
  std::string failure;  // empty: none
  uint64_t hash = 0;    // of the history
  std::vector<std::string> lines;
  uint64_t calls = 0, replied = 0, failed = 0, refused = 0;
  uint64_t faults = 0;  // that struck
  SimMatrix matrix;
};

// The same plan has the same result. `keeps_lines`: the history too, and not its hash alone.
SimResult CarryOut(const SimPlan& plan, bool keeps_lines = false);

// The shortest plan found that fails as well; `plan` does.
SimPlan Shorten(const SimPlan& plan);

}  // namespace rain
