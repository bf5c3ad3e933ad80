// rain_bench: a closed loop of echo calls, over the framework or a yardstick.
//
//   rain_bench echo     one run
//   rain_bench compare  pairs of runs, the engine's and raw epoll's, and the ratio of their speeds
//   rain_bench table    the engine over every transport in every mode
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "listenrain/bench/options.h"
#include "listenrain/bench/report.h"
#include "listenrain/bench/run.h"

ABSL_FLAG(std::string, engine, "rain",
          "what runs the echo: rain, epoll (by hand, the yardstick), uv (by hand, on libuv streams)");
ABSL_FLAG(std::string, transport, "tcp", "tcp, unix (two processes each), inproc (two threads)");
ABSL_FLAG(std::string, mode, "callback", "callback; coroutine: one for each call in flight; sync: as many blocking threads");
ABSL_FLAG(std::string, codec, "", "compact, capnp; the yardsticks have raw. Empty: compact, or raw");
ABSL_FLAG(uint32_t, parallel, 64, "calls in flight");
ABSL_FLAG(uint32_t, payload, 110, "bytes each way");
ABSL_FLAG(double, seconds, 3, "how long to measure, after a warm-up of half a second");
ABSL_FLAG(bool, json, false, "print one JSON object a line");
ABSL_FLAG(std::string, executor, "inline", "where callbacks and handlers run: inline (the loop's thread), pool");
ABSL_FLAG(int32_t, poll_us, 0, "look for more to do for so long before sleeping");
ABSL_FLAG(std::string, congestion, "", "of tcp. Empty: cubic for payloads from 32 KiB up, the system's own below");
ABSL_FLAG(uint32_t, pairs, 5, "compare: how many runs of each");

namespace rain::bench {
namespace {

absl::StatusOr<Options> OptionsFromFlags() {
  const absl::StatusOr<EngineKind> engine = EngineNamed(absl::GetFlag(FLAGS_engine));
  if (!engine.ok()) return engine.status();
  const absl::StatusOr<Carrier> carrier = CarrierNamed(absl::GetFlag(FLAGS_transport));
  if (!carrier.ok()) return carrier.status();
  const absl::StatusOr<Mode> mode = ModeNamed(absl::GetFlag(FLAGS_mode));
  if (!mode.ok()) return mode.status();
  const std::string codec_name = absl::GetFlag(FLAGS_codec);
  const Codec own_codec = *engine == EngineKind::rain ? Codec::compact : Codec::raw;
  const absl::StatusOr<Codec> codec = codec_name.empty() ? own_codec : CodecNamed(codec_name);
  if (!codec.ok()) return codec.status();
  const absl::StatusOr<Execution> execution = ExecutionNamed(absl::GetFlag(FLAGS_executor));
  if (!execution.ok()) return execution.status();

  Options options;
  options.engine = *engine;
  options.carrier = *carrier;
  options.mode = *mode;
  options.codec = *codec;
  options.execution = *execution;
  options.parallel = absl::GetFlag(FLAGS_parallel);
  options.payload_bytes = absl::GetFlag(FLAGS_payload);
  options.measured = absl::Seconds(absl::GetFlag(FLAGS_seconds));
  options.poll = absl::Microseconds(absl::GetFlag(FLAGS_poll_us));
  options.congestion = absl::GetFlag(FLAGS_congestion);
  if (absl::Status fit = Check(options); !fit.ok()) return fit;
  return options;
}

// With the congestion control that goes with the transport, if none was named.
absl::StatusOr<Result> RunOnce(Options options) {
  if (options.congestion.empty()) {
    absl::StatusOr<std::string> congestion = DefaultCongestion(options.carrier, options.payload_bytes);
    if (!congestion.ok()) return congestion.status();
    options.congestion = *std::move(congestion);
  }
  const absl::StatusOr<Figures> figures = MeasureEcho(options);
  if (!figures.ok()) return figures.status();
  return Result{options, *figures};
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

absl::Status Echo(const Options& options) {
  const absl::StatusOr<Result> result = RunOnce(options);
  if (!result.ok()) return result.status();
  Print(absl::GetFlag(FLAGS_json) ? absl::StrCat(ToJson(*result), "\n") : ToText(*result));
  return absl::OkStatus();
}

absl::Status Compare(const Options& options) {
  const uint32_t pairs = absl::GetFlag(FLAGS_pairs);
  if (pairs < 1) return absl::InvalidArgumentError("--pairs must be at least 1");
  const Options yardstick = RawTwinOf(options, EngineKind::epoll);
  if (absl::Status fit = Check(yardstick); !fit.ok()) return fit;
  Comparison comparison;
  for (uint32_t i = 0; i < pairs; ++i) {
    // Each goes first in every other pair, so that neither has the better of a machine that grows slower.
    for (const bool subject : {i % 2 == 0, i % 2 != 0}) {
      absl::StatusOr<Result> result = RunOnce(subject ? options : yardstick);
      if (!result.ok()) return result.status();
      (subject ? comparison.subject : comparison.yardstick).push_back(*std::move(result));
    }
  }
  Print(absl::GetFlag(FLAGS_json) ? absl::StrCat(ToJson(comparison), "\n") : ToText(comparison));
  return absl::OkStatus();
}

absl::Status Table(const Options& options) {
  const bool json = absl::GetFlag(FLAGS_json);
  if (!json) {
    Print(absl::StrFormat("%s: %d calls in flight, %d bytes each way\n%s", NameOf(options.engine), options.parallel,
                          options.payload_bytes, TableHead()));
  }
  for (const Carrier carrier : {Carrier::tcp, Carrier::local, Carrier::inproc}) {
    for (const Mode mode : {Mode::callback, Mode::coroutine, Mode::sync}) {
      Options row = options;
      row.carrier = carrier;
      row.mode = mode;
      if (carrier != Carrier::tcp) row.congestion.clear();
      if (options.engine != EngineKind::rain && !Check(row).ok()) continue;  // yardsticks have no such row
      const absl::StatusOr<Result> result = RunOnce(row);
      if (!result.ok()) return result.status();
      Print(json ? absl::StrCat(ToJson(*result), "\n") : TableRow(*result));
    }
  }
  return absl::OkStatus();
}

struct Command {
  absl::string_view name;
  absl::Status (*run)(const Options&);
};

constexpr Command kCommands[] = {{"echo", Echo}, {"compare", Compare}, {"table", Table}};

absl::Status RunCommand(absl::Span<char* const> words) {
  for (const Command& command : kCommands) {
    if (words.size() != 2 || command.name != words[1]) continue;
    const absl::StatusOr<Options> options = OptionsFromFlags();
    return options.ok() ? command.run(*options) : options.status();
  }
  return absl::InvalidArgumentError("one command is expected: echo, compare or table (--help lists the flags)");
}

}  // namespace
}  // namespace rain::bench

int main(int count, char** words) {
  absl::SetProgramUsageMessage("[flags] echo|compare|table: a closed loop of echo calls");
  const std::vector<char*> rest = absl::ParseCommandLine(count, words);
  const absl::Status ended = rain::bench::RunCommand(rest);
  if (ended.ok()) return 0;
  std::fprintf(stderr, "rain_bench: %s\n", ended.ToString().c_str());
  return 1;
}
