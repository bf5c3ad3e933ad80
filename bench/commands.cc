#include "listenrain/bench/commands.h"

#include <cstdio>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "listenrain/bench/grid_report.h"
#include "listenrain/bench/report.h"
#include "listenrain/bench/run.h"

namespace rain::bench {
namespace {

absl::StatusOr<Result> MeasureWithDefaults(Options options) {
  if (options.congestion.empty()) {
    absl::StatusOr<std::string> congestion = DefaultCongestion(options.carrier, options.payload_bytes);
    if (!congestion.ok()) return congestion.status();
    options.congestion = *std::move(congestion);
  }
  const absl::StatusOr<Figures> figures = Measure(options);
  if (!figures.ok()) return figures.status();
  return Result{options, *figures};
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void TellProgress(size_t count, size_t of, const Result& result) {
  const Options& options = result.options;
  const std::string line =
      absl::StrFormat("[%d/%d] %s, %d x %d: %s: %.0f/s\n", count, of, NameOf(options.workload), options.parallel,
                      options.payload_bytes, RunnerText(options), result.figures.calls_per_second);
  std::fputs(line.c_str(), stderr);
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return file ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat(path, ": cannot be written"));
}

}  // namespace

absl::Status RunOne(const Options& options, bool json) {
  const absl::StatusOr<Result> result = MeasureWithDefaults(options);
  if (!result.ok()) return result.status();
  Print(json ? absl::StrCat(ToJson(*result), "\n") : ToText(*result));
  return absl::OkStatus();
}

absl::Status RunPairs(const Options& subject, const Options& yardstick, size_t pairs, bool json) {
  if (pairs < 1) return absl::InvalidArgumentError("--pairs must be at least 1");
  if (absl::Status fit = Check(yardstick); !fit.ok()) return fit;
  Comparison comparison;
  for (size_t i = 0; i < pairs; ++i) {
    // Each goes first in every other pair, so that neither has the better of a machine that grows slower.
    for (const bool of_subject : {i % 2 == 0, i % 2 != 0}) {
      absl::StatusOr<Result> result = MeasureWithDefaults(of_subject ? subject : yardstick);
      if (!result.ok()) return result.status();
      (of_subject ? comparison.subject : comparison.yardstick).push_back(*std::move(result));
    }
  }
  Print(json ? absl::StrCat(ToJson(comparison), "\n") : ToText(comparison));
  return absl::OkStatus();
}

absl::Status RunTable(const Options& options, bool json) {
  if (!json) Print(absl::StrCat(TableTitle(options), TableHead()));
  for (const Carrier carrier : {Carrier::tcp, Carrier::local, Carrier::inproc}) {
    for (const Mode mode : {Mode::callback, Mode::coroutine, Mode::sync}) {
      Options row = options;
      row.carrier = carrier;
      row.mode = mode;
      if (carrier != Carrier::tcp) row.congestion.clear();
      if ((carrier != options.carrier || mode != options.mode) && !Check(row).ok()) continue;  // it has no such row
      const absl::StatusOr<Result> result = MeasureWithDefaults(row);
      if (!result.ok()) return result.status();
      Print(json ? absl::StrCat(ToJson(*result), "\n") : TableRow(*result));
    }
  }
  return absl::OkStatus();
}

absl::Status RunNamedGrid(absl::string_view name, const Options& base, const std::vector<Contender>& contenders, size_t repeats,
                          bool json, const std::string& json_file) {
  const absl::StatusOr<GridResult> result = RunGrid(name, base, contenders, repeats, MeasureWithDefaults, TellProgress);
  if (!result.ok()) return result.status();
  const std::string object = absl::StrCat(ToJson(*result), "\n");
  Print(json ? object : ToMarkdown(*result));
  return json_file.empty() ? absl::OkStatus() : WriteFile(json_file, object);
}

}  // namespace rain::bench
