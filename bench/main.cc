// rain_bench: how fast the framework is, beside the same written by hand.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "listenrain/bench/commands.h"
#include "listenrain/bench/grid.h"
#include "listenrain/bench/options.h"

ABSL_FLAG(std::string, engine, "rain",
          "who runs it: rain; by hand: epoll, epoll_poll (which looks for more before it sleeps), uv (on libuv streams), "
          "ring (two threads in process, which look for more likewise)");
ABSL_FLAG(std::string, workload, "echo",
          "echo: calls on one connection; oneway: messages that get no reply, counted where they arrive; connections: as many as "
          "--parallel says, with one call in flight on each");
ABSL_FLAG(std::string, transport, "tcp", "tcp, unix (two processes each), inproc (two threads)");
ABSL_FLAG(std::string, mode, "callback", "callback; coroutine: one for each call in flight; sync: as many blocking threads");
ABSL_FLAG(std::string, codec, "", "compact, capnp; the yardsticks have raw. Empty: compact, or raw");
ABSL_FLAG(uint32_t, parallel, 64, "calls in flight; connections; with --workload=oneway --mode=sync, threads");
ABSL_FLAG(uint32_t, clients, 1, "echo over a socket: client processes with --parallel calls in flight each, beside one server");
ABSL_FLAG(uint32_t, payload, 110, "bytes each way");
ABSL_FLAG(double, seconds, 3, "how long to measure, after a warm-up of half a second");
ABSL_FLAG(bool, json, false, "print one JSON object a line");
ABSL_FLAG(std::string, executor, "inline", "where callbacks and handlers run: inline (the loop's thread), pool");
ABSL_FLAG(int64_t, poll_us, absl::ToInt64Microseconds(rain::bench::kDefaultPoll),
          "rain, epoll_poll and ring look for more to do for so long before they sleep; 0: not at all");
ABSL_FLAG(bool, drive, true, "--mode=sync of rain: threads that block for a reply may run the loop meanwhile");
ABSL_FLAG(std::string, congestion, "", "of tcp. Empty: cubic for payloads from 32 KiB up, the system's own below");
ABSL_FLAG(bool, same_loop, false, "of rain over inproc: client and server on one loop, which is one thread");
ABSL_FLAG(bool, shared_payload, false,
          "echo: one payload for all calls, handed over by reference; its receivers look at its length and its first "
          "and last 64 bytes");
ABSL_FLAG(uint32_t, window_mib, 0,
          "of rain: so many MiB of calls at once on a connection, 8 GiB more may be queued; 0: all that are in flight");
ABSL_FLAG(std::string, against, "",
          "compare: epoll, epoll_poll, uv, ring. Empty: epoll_poll, or epoll if there is no polling, or ring in process");
ABSL_FLAG(uint32_t, pairs, 5, "compare: how many runs of each");
ABSL_FLAG(
    std::string, contenders, "",
    "grid: engines, each in callback mode or in another (rain:coroutine); with :nopoll it sleeps at once, with :nodrive threads "
    "that block never run the loop (rain:sync:nodrive); the last is the yardstick. Empty: rain,epoll_poll; rain,ring of grid "
    "inproc; rain,rain:nopoll of grid crowd; rain:sync,rain:sync:nodrive of grid blocking");
ABSL_FLAG(uint32_t, repeats, 5, "grid: how many runs of each contender on each row");
ABSL_FLAG(std::string, json_file, "", "grid: where to write the JSON object with every run, beside what is printed");

namespace rain::bench {
namespace {

constexpr char kUsage[] = R"([flags] COMMAND: how fast the framework is, beside the same written by hand

  run          one run of --workload (echo: the same, for its default)
  compare      pairs of runs, the engine's and a yardstick's, and the ratio of their speeds
  table        the engine over every transport in every mode
  grid NAME    small, listenrain, connections, oneway, inproc, crowd or blocking: a Markdown table of --contenders on all loads of the grid)";

absl::StatusOr<Options> OptionsFromFlags() {
  const absl::StatusOr<EngineKind> engine = EngineNamed(absl::GetFlag(FLAGS_engine));
  if (!engine.ok()) return engine.status();
  const absl::StatusOr<Workload> workload = WorkloadNamed(absl::GetFlag(FLAGS_workload));
  if (!workload.ok()) return workload.status();
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
  options.workload = *workload;
  options.carrier = *carrier;
  options.mode = *mode;
  options.codec = *codec;
  options.execution = *execution;
  options.parallel = absl::GetFlag(FLAGS_parallel);
  options.clients = absl::GetFlag(FLAGS_clients);
  options.payload_bytes = absl::GetFlag(FLAGS_payload);
  options.measured = absl::Seconds(absl::GetFlag(FLAGS_seconds));
  if (Polls(*engine)) options.poll = absl::Microseconds(absl::GetFlag(FLAGS_poll_us));
  options.congestion = absl::GetFlag(FLAGS_congestion);
  options.drive = absl::GetFlag(FLAGS_drive);
  options.same_loop = absl::GetFlag(FLAGS_same_loop);
  options.shared_payload = absl::GetFlag(FLAGS_shared_payload);
  options.window_mib = absl::GetFlag(FLAGS_window_mib);
  if (absl::Status fit = Check(options); !fit.ok()) return fit;
  return options;
}

absl::Status RunCompare(const Options& options) {
  const std::string name = absl::GetFlag(FLAGS_against);
  const EngineKind alike = options.carrier == Carrier::inproc    ? EngineKind::ring
                           : options.poll > absl::ZeroDuration() ? EngineKind::epoll_poll
                                                                 : EngineKind::epoll;
  const absl::StatusOr<EngineKind> yardstick = name.empty() ? alike : EngineNamed(name);
  if (!yardstick.ok()) return absl::InvalidArgumentError(absl::StrCat("--against: ", yardstick.status().message()));
  Options twin = RawTwinOf(options, *yardstick);
  if (Polls(*yardstick)) twin.poll = absl::Microseconds(absl::GetFlag(FLAGS_poll_us));  // whether or not the engine has any
  return RunPairs(options, twin, absl::GetFlag(FLAGS_pairs), absl::GetFlag(FLAGS_json));
}

absl::Status RunGridCommand(absl::string_view name, const Options& options) {
  const std::string named = absl::GetFlag(FLAGS_contenders);
  const absl::StatusOr<std::vector<Contender>> contenders = ContendersNamed(named.empty() ? UsualContenders(name) : named);
  if (!contenders.ok()) return contenders.status();
  if (options.engine != EngineKind::rain || options.mode != Mode::callback) {
    return absl::InvalidArgumentError("grid: engines and modes are named by --contenders, not by --engine and --mode");
  }
  return RunNamedGrid(name, options, *contenders, absl::GetFlag(FLAGS_repeats), absl::GetFlag(FLAGS_json),
                      absl::GetFlag(FLAGS_json_file));
}

absl::Status RunCommand(absl::Span<char* const> words) {
  const absl::string_view command = words.size() > 1 ? words[1] : "";
  const size_t expected = command == "grid" ? 3 : 2;
  if (words.size() == expected) {
    const absl::StatusOr<Options> options = OptionsFromFlags();
    if (!options.ok()) return options.status();
    if (command == "run" || command == "echo") return RunOne(*options, absl::GetFlag(FLAGS_json));
    if (command == "compare") return RunCompare(*options);
    if (command == "table") return RunTable(*options, absl::GetFlag(FLAGS_json));
    if (command == "grid") return RunGridCommand(words[2], *options);
  }
  return absl::InvalidArgumentError("one command is expected: run, compare, table or grid NAME (--help lists the flags)");
}

}  // namespace
}  // namespace rain::bench

int main(int count, char** words) {
  absl::SetProgramUsageMessage(rain::bench::kUsage);
  const std::vector<char*> rest = absl::ParseCommandLine(count, words);
  const absl::Status ended = rain::bench::RunCommand(rest);
  if (ended.ok()) return 0;
  std::fprintf(stderr, "rain_bench: %s\n", ended.ToString().c_str());
  return 1;
}
