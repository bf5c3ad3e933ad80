// simulate: worlds, one for each seed, and whether every promise was kept in all of them.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "listenrain/framework/log.h"
#include "listenrain/testing/sim_workload.h"

ABSL_FLAG(uint64_t, seeds, 100, "how many worlds");
ABSL_FLAG(uint64_t, from, 1, "the first one's seed");
ABSL_FLAG(uint64_t, calls, 1300, "calls in each");
ABSL_FLAG(uint64_t, faults, 40, "faults in each");
ABSL_FLAG(bool, history, false, "print the history of each");
ABSL_FLAG(bool, stop, false, "stop at the first failure");
ABSL_FLAG(bool, shorten, true, "look for the shortest plan that fails as the first failure does");

namespace rain {
namespace {

void Explain(const SimPlan& plan) {
  const SimPlan shorter = Shorten(plan);
  const SimResult again = CarryOut(shorter, true);
  absl::PrintF("%d calls and %d faults fail as well: %s\n", shorter.calls.size(), shorter.faults.size(), again.failure);
  absl::PrintF("  %s\n", shorter.setting.ToString());
  for (const std::string& line : again.lines) absl::PrintF("  %s\n", line);
  absl::PrintF("again: simulate --seeds=1 --from=%d --calls=%d --faults=%d\n", plan.seed, plan.calls.size(), plan.faults.size());
}

int Main() {
  SetLogSink([](Severity, absl::string_view, absl::string_view) {});  // what nodes log is of no interest here
  const uint64_t seeds = absl::GetFlag(FLAGS_seeds);
  const uint64_t from = absl::GetFlag(FLAGS_from);
  const auto begun = std::chrono::steady_clock::now();
  uint64_t hash = 0, ran = 0, failed = 0, calls = 0, replied = 0, faults = 0, fewest_calls = UINT64_MAX,
           fewest_faults = UINT64_MAX;
  SimMatrix matrix;
  for (uint64_t seed = from; seed < from + seeds; ++seed) {
    const SimPlan plan = PlanOf(seed, absl::GetFlag(FLAGS_calls), absl::GetFlag(FLAGS_faults));
    const SimResult result = CarryOut(plan, absl::GetFlag(FLAGS_history));
    for (const std::string& line : result.lines) absl::PrintF("%s\n", line);
    ++ran;
    hash = (hash ^ result.hash) * 0x100000001b3;
    calls += result.calls;
    replied += result.replied;
    matrix.Add(result.matrix);
    fewest_calls = std::min(fewest_calls, result.calls);
    fewest_faults = std::min(fewest_faults, result.faults);
    faults += result.faults;
    if (result.failure.empty()) continue;
    absl::PrintF("seed %d fails: %s\n", seed, result.failure);
    if (failed++ == 0 && absl::GetFlag(FLAGS_shorten)) Explain(plan);
    if (absl::GetFlag(FLAGS_stop)) break;
  }
  absl::PrintF("%s%d cells are empty\n", matrix.ToString(), matrix.empty_cells());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  absl::PrintF("%d seeds, %d failed; %d calls (at least %d a seed), %d replied; %d faults (at least %d); hash %016x; %.1f s\n",
               ran, failed, calls, fewest_calls, replied, faults, fewest_faults, hash, seconds);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rain

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("[flags]: runs simulated worlds, one for each seed");
  absl::ParseCommandLine(argc, argv);
  return rain::Main();
}
