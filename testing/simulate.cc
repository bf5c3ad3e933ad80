// simulate: worlds, one for each seed, and whether every promise was kept in all of them.
#include <algorithm>
#include <chrono>
#include <cstdio>
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

void Explain(const SimPlan& plan, const SimResult& result) {
  std::printf("seed %llu fails: %s\n", static_cast<unsigned long long>(plan.seed), result.failure.c_str());
  const SimPlan shorter = Shorten(plan);
  const SimResult again = CarryOut(shorter, true);
  std::printf("%zu calls and %zu faults fail as well: %s\n", shorter.calls.size(), shorter.faults.size(), again.failure.c_str());
  std::printf("  %s\n", shorter.setting.ToString().c_str());
  for (const std::string& line : again.lines) std::printf("  %s\n", line.c_str());
  std::printf("again: simulate --seeds=1 --from=%llu --calls=%zu --faults=%zu\n", static_cast<unsigned long long>(plan.seed),
              plan.calls.size(), plan.faults.size());
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
    for (const std::string& line : result.lines) std::printf("%s\n", line.c_str());
    ++ran;
    hash = (hash ^ result.hash) * 0x100000001b3;
    calls += result.calls;
    replied += result.replied;
    matrix.Add(result.matrix);
    fewest_calls = std::min(fewest_calls, result.calls);
    fewest_faults = std::min(fewest_faults, result.faults);
    faults += result.faults;
    if (result.failure.empty()) continue;
    if (failed++ == 0 && absl::GetFlag(FLAGS_shorten)) {
      Explain(plan, result);
    } else {
      std::printf("seed %llu fails: %s\n", static_cast<unsigned long long>(seed), result.failure.c_str());
    }
    if (absl::GetFlag(FLAGS_stop)) break;
  }
  std::printf("%s%zu cells are empty\n", matrix.ToString().c_str(), matrix.empty_cells());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("%s\n",
              absl::StrFormat("%d seeds, %d failed; %d calls (at least %d a seed), %d replied; %d faults (at least %d); hash "
                              "%016x; %.1f s",
                              ran, failed, calls, fewest_calls, replied, faults, fewest_faults, hash, seconds)
                  .c_str());
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rain

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("[flags]: runs simulated worlds, one for each seed");
  absl::ParseCommandLine(argc, argv);
  return rain::Main();
}
