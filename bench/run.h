// One run: an engine's server and client side by side, and what was measured.
#pragma once

#include "absl/status/statusor.h"
#include "listenrain/bench/meter.h"
#include "listenrain/bench/options.h"

namespace rain::bench {

// In processes of its own: a run neither sees what an earlier one left behind nor leaves anything. No other thread may exist.
// Errors: INVALID_ARGUMENT for options that do not go together; whatever stopped either side.
absl::StatusOr<Figures> Measure(const Options& options);

}  // namespace rain::bench
