// simulate: worlds, one for each seed, and whether every promise was kept in all of them.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/debugging/failure_signal_handler.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
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

// The world that is being carried out, for one that ends the process.
std::atomic<uint64_t> running_seed{0}, running_calls{0}, running_faults{0};

void OnCrash(const char* line) {
  if (line != nullptr) return;  // Abseil has written it to stderr, as all before the end
  char text[192];
  const int size =
      absl::SNPrintF(text, sizeof text, "seed %d ended the process: simulate --seeds=1 --from=%d --calls=%d --faults=%d\n",
                     running_seed.load(), running_seed.load(), running_calls.load(), running_faults.load());
  (void)!write(STDERR_FILENO, text, static_cast<size_t>(size));
}

int Main() {
  SetLogSink([](Severity, absl::string_view, absl::string_view) {});  // what nodes log is of no interest here
  const uint64_t seeds = absl::GetFlag(FLAGS_seeds);
  const uint64_t from = absl::GetFlag(FLAGS_from);
  running_calls = absl::GetFlag(FLAGS_calls);
  running_faults = absl::GetFlag(FLAGS_faults);
  const auto begun = std::chrono::steady_clock::now();
  uint64_t hash = 0, ran = 0, failed = 0, calls = 0, replied = 0, faults = 0, fewest_calls = UINT64_MAX,
           fewest_faults = UINT64_MAX;
  SimMatrix matrix;
  for (uint64_t seed = from; seed < from + seeds; ++seed) {
    running_seed = seed;
    const SimPlan plan = PlanOf(seed, running_calls, running_faults);
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
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  const uint64_t seeds = absl::GetFlag(FLAGS_seeds), from = absl::GetFlag(FLAGS_from);
  if (words.size() > 1 || seeds == 0 || seeds > UINT64_MAX - from) {
    absl::FPrintF(
        stderr, "simulate: %s; see simulate --help\n",
        words.size() > 1 ? absl::StrCat("what is \"", words[1], "\"?") : absl::StrCat("no ", seeds, " seeds from ", from, " on"));
    return 2;
  }
  absl::FailureSignalHandlerOptions options;
  options.writerfn = rain::OnCrash;
  absl::InstallFailureSignalHandler(options);
  std::signal(SIGTERM, SIG_DFL);  // whoever ends it: no world did
  return rain::Main();
}
