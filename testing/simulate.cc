// simulate: worlds, one for each seed, and whether every promise was kept in all of them.
#include <chrono>
#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "listenrain/framework/log.h"
#include "listenrain/testing/sim_workload.h"

ABSL_FLAG(uint64_t, seeds, 100, "how many worlds");
ABSL_FLAG(uint64_t, from, 1, "the first one's seed");
ABSL_FLAG(uint64_t, calls, 1000, "calls in each");
ABSL_FLAG(uint64_t, faults, 20, "faults in each");
ABSL_FLAG(bool, history, false, "print the history of each");

namespace rain {
namespace {

void PrintMatrix(const SimMatrix& matrix) {
  std::printf("%-22s", "");
  for (size_t state = 0; state < kSimEngineStates; ++state) std::printf("%15s", NameOf(static_cast<SimEngineState>(state)));
  std::printf("\n");
  for (size_t kind = 0; kind < kSimFaultKinds; ++kind) {
    std::printf("%-22s", NameOf(static_cast<SimFaultKind>(kind)));
    for (size_t state = 0; state < kSimEngineStates; ++state) {
      const auto found = matrix.find({kind, state});
      std::printf("%15llu", found == matrix.end() ? 0ULL : static_cast<unsigned long long>(found->second));
    }
    std::printf("\n");
  }
}

void Explain(const SimPlan& plan, const SimResult& result) {
  std::printf("seed %llu fails: %s\n", static_cast<unsigned long long>(plan.seed), result.failure.c_str());
  const SimPlan shorter = Shorten(plan);
  const SimResult again = Run(shorter, true);
  std::printf("%zu calls and %zu faults fail as well: %s\n", shorter.calls.size(), shorter.faults.size(), again.failure.c_str());
  for (const std::string& line : again.lines) std::printf("  %s\n", line.c_str());
  std::printf("again: simulate --seeds=1 --from=%llu --calls=%zu --faults=%zu\n", static_cast<unsigned long long>(plan.seed),
              plan.calls.size(), plan.faults.size());
}

int Main() {
  SetLogSink([](Severity, absl::string_view, absl::string_view) {});  // what nodes log is of no interest here
  const uint64_t seeds = absl::GetFlag(FLAGS_seeds);
  const uint64_t from = absl::GetFlag(FLAGS_from);
  const auto begun = std::chrono::steady_clock::now();
  uint64_t hash = 0, failed = 0, calls = 0, replied = 0;
  SimMatrix matrix;
  for (uint64_t seed = from; seed < from + seeds; ++seed) {
    const SimPlan plan = PlanOf(seed, absl::GetFlag(FLAGS_calls), absl::GetFlag(FLAGS_faults));
    const SimResult result = Run(plan, absl::GetFlag(FLAGS_history));
    for (const std::string& line : result.lines) std::printf("%s\n", line.c_str());
    hash = (hash ^ result.hash) * 0x100000001b3;
    calls += result.calls;
    replied += result.replied;
    for (const auto& [cell, count] : result.matrix) matrix[cell] += count;
    if (result.failure.empty()) continue;
    if (failed++ == 0) Explain(plan, result);
  }
  PrintMatrix(matrix);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("%llu seeds, %llu failed, %llu calls, %llu replied, hash %016llx, %.1f s\n", static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(failed), static_cast<unsigned long long>(calls),
              static_cast<unsigned long long>(replied), static_cast<unsigned long long>(hash), seconds);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rain

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("[flags]: runs simulated worlds, one for each seed");
  absl::ParseCommandLine(argc, argv);
  return rain::Main();
}
