// The commands of rain_bench: each measures, and prints what it found on standard output.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "listenrain/bench/grid.h"
#include "listenrain/bench/options.h"

namespace rain::bench {

// Congestion control that is not named in the options is chosen for each run (DefaultCongestion). Errors: INVALID_ARGUMENT for
// what cannot be run; whatever stopped a run. No other thread may exist.

// One run. With `json`, here and below: one JSON object a line instead of text.
absl::Status RunOne(const Options& options, bool json);

// Pairs of runs, and the ratio of their speeds.
absl::Status RunPairs(const Options& subject, const Options& yardstick, size_t pairs, bool json);

// The options' engine over every transport in every mode that it has.
absl::Status RunTable(const Options& options, bool json);

// A named grid, with progress on standard error. With `json_file`, not empty, JSON is written there too.
absl::Status RunNamedGrid(absl::string_view name, const Options& base, const std::vector<Contender>& contenders, size_t repeats,
                          bool json, const std::string& json_file);

}  // namespace rain::bench
