#include "listenrain/bench/options.h"

#include <array>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rain::bench {
namespace {

constexpr size_t kCubicFromBytes = 32 << 10;

// In the order of the enumerations.
constexpr std::array<absl::string_view, 5> kEngines = {"rain", "epoll", "epoll_poll", "uv", "ring"};
constexpr std::array<absl::string_view, 3> kWorkloads = {"echo", "oneway", "connections"};
constexpr std::array<absl::string_view, 3> kCarriers = {"tcp", "unix", "inproc"};
constexpr std::array<absl::string_view, 3> kModes = {"callback", "coroutine", "sync"};
constexpr std::array<absl::string_view, 3> kCodecs = {"raw", "compact", "capnp"};
constexpr std::array<absl::string_view, 2> kExecutions = {"inline", "pool"};

template <class Enum, size_t n>
absl::StatusOr<Enum> Find(absl::string_view flag, const std::array<absl::string_view, n>& names, absl::string_view name) {
  for (size_t i = 0; i < n; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return absl::InvalidArgumentError(absl::StrCat("--", flag, "=", name, ": must be one of ", absl::StrJoin(names, ", ")));
}

absl::Status CheckAmounts(const Options& options) {
  if (options.parallel < 1 || options.parallel > kMaxParallel) {
    return absl::InvalidArgumentError(absl::StrCat("--parallel must be from 1 to ", kMaxParallel));
  }
  if (options.mode == Mode::sync && options.parallel > kMaxThreads) {
    return absl::InvalidArgumentError(absl::StrCat("--parallel must be at most ", kMaxThreads, " threads with --mode=sync"));
  }
  if (options.clients < 1 || options.clients > kMaxClients) {
    return absl::InvalidArgumentError(absl::StrCat("--clients must be from 1 to ", kMaxClients));
  }
  if (options.payload_bytes > kMaxPayloadBytes) {
    return absl::InvalidArgumentError(absl::StrCat("--payload must be at most ", kMaxPayloadBytes, " bytes"));
  }
  if (options.measured <= absl::ZeroDuration()) return absl::InvalidArgumentError("--seconds must be more than 0");
  if (options.poll < absl::ZeroDuration()) return absl::InvalidArgumentError("--poll_us must be 0 or more");
  return absl::OkStatus();
}

absl::Status CheckClients(const Options& options) {
  if (options.clients == 1) return absl::OkStatus();
  if (options.carrier == Carrier::inproc) {
    return absl::InvalidArgumentError("--clients are processes: in process there is one");
  }
  if (options.workload != Workload::echo) return absl::InvalidArgumentError("--clients is for --workload=echo");
  return absl::OkStatus();
}

absl::Status CheckRing(const Options& options) {
  if (options.carrier != Carrier::inproc) {
    return absl::InvalidArgumentError("--engine=ring is two threads of one process: use --transport=inproc");
  }
  if (options.workload != Workload::echo) return absl::InvalidArgumentError("--engine=ring has --workload=echo only");
  if (options.parallel > kMaxRingParallel) {
    return absl::InvalidArgumentError(absl::StrCat("--parallel must be at most ", kMaxRingParallel, " with --engine=ring"));
  }
  return absl::OkStatus();
}

absl::Status CheckSameLoop(const Options& options) {
  if (!options.same_loop) return absl::OkStatus();
  if (options.engine != EngineKind::rain) {
    return absl::InvalidArgumentError(
        absl::StrCat("--same_loop is for --engine=rain: ", NameOf(options.engine), " has a thread a side"));
  }
  if (options.carrier != Carrier::inproc) {
    return absl::InvalidArgumentError(
        "--same_loop is for --transport=inproc: over the others, client and server are two processes");
  }
  if (options.mode == Mode::sync || options.execution == Execution::pool) {
    return absl::InvalidArgumentError("--same_loop is one thread: it has no --mode=sync and no --executor=pool");
  }
  return absl::OkStatus();
}

absl::Status CheckPayload(const Options& options) {
  if (options.shared_payload && options.workload != Workload::echo) {
    return absl::InvalidArgumentError("--shared_payload is for --workload=echo");
  }
  if (options.window_mib == 0) return absl::OkStatus();
  if (options.engine != EngineKind::rain) {
    return absl::InvalidArgumentError("--window_mib is for --engine=rain: the yardsticks send all at once");
  }
  if (options.workload == Workload::oneway) {
    return absl::InvalidArgumentError("--window_mib is for calls: messages that get no reply have no window");
  }
  if (options.window_mib > kMaxWindowMib || options.window_mib << 20 < options.payload_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("--window_mib must hold a payload, and be at most ", kMaxWindowMib));
  }
  return absl::OkStatus();
}

absl::Status CheckYardstick(const Options& options) {
  const absl::string_view name = NameOf(options.engine);
  if (options.engine == EngineKind::ring) {
    if (absl::Status fit = CheckRing(options); !fit.ok()) return fit;
  } else if (options.carrier == Carrier::inproc) {
    return absl::InvalidArgumentError(absl::StrCat("--engine=", name, " speaks over sockets: use --transport=tcp or unix"));
  }
  if (options.mode != Mode::callback || options.codec != Codec::raw || options.execution != Execution::direct) {
    return absl::InvalidArgumentError(
        absl::StrCat("--engine=", name, " has --mode=callback, --codec=raw and --executor=inline only"));
  }
  if (options.engine == EngineKind::uv && options.workload == Workload::connections) {
    return absl::InvalidArgumentError("--engine=uv has one connection: use epoll or epoll_poll with --workload=connections");
  }
  if (!Polls(options.engine) && options.poll > absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("--engine=", name, " never polls: it has no polling time"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view NameOf(EngineKind engine) { return kEngines[static_cast<size_t>(engine)]; }
absl::string_view NameOf(Workload workload) { return kWorkloads[static_cast<size_t>(workload)]; }
absl::string_view NameOf(Carrier carrier) { return kCarriers[static_cast<size_t>(carrier)]; }
absl::string_view NameOf(Mode mode) { return kModes[static_cast<size_t>(mode)]; }
absl::string_view NameOf(Codec codec) { return kCodecs[static_cast<size_t>(codec)]; }
absl::string_view NameOf(Execution execution) { return kExecutions[static_cast<size_t>(execution)]; }

absl::StatusOr<EngineKind> EngineNamed(absl::string_view name) { return Find<EngineKind>("engine", kEngines, name); }
absl::StatusOr<Workload> WorkloadNamed(absl::string_view name) { return Find<Workload>("workload", kWorkloads, name); }
absl::StatusOr<Carrier> CarrierNamed(absl::string_view name) { return Find<Carrier>("transport", kCarriers, name); }
absl::StatusOr<Mode> ModeNamed(absl::string_view name) { return Find<Mode>("mode", kModes, name); }
absl::StatusOr<Codec> CodecNamed(absl::string_view name) { return Find<Codec>("codec", kCodecs, name); }
absl::StatusOr<Execution> ExecutionNamed(absl::string_view name) { return Find<Execution>("executor", kExecutions, name); }

absl::Status Check(const Options& options) {
  if (absl::Status amounts = CheckAmounts(options); !amounts.ok()) return amounts;
  if (options.carrier != Carrier::tcp && !options.congestion.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--congestion is for --transport=tcp, not ", NameOf(options.carrier)));
  }
  if (options.workload == Workload::oneway && options.mode == Mode::coroutine) {
    return absl::InvalidArgumentError("--workload=oneway has nothing to await: use --mode=callback or sync");
  }
  if (!options.drive && options.mode != Mode::sync) {
    return absl::InvalidArgumentError("--drive=false is for --mode=sync: no other mode has threads that block");
  }
  if (absl::Status fit = CheckClients(options); !fit.ok()) return fit;
  if (absl::Status fit = CheckSameLoop(options); !fit.ok()) return fit;
  if (absl::Status fit = CheckPayload(options); !fit.ok()) return fit;
  if (options.engine != EngineKind::rain) return CheckYardstick(options);
  if (options.codec == Codec::raw) return absl::InvalidArgumentError("--codec=raw is the yardsticks': use compact or capnp");
  return absl::OkStatus();
}

bool Polls(EngineKind engine) { return engine != EngineKind::epoll && engine != EngineKind::uv; }

Execution CallersExecution(const Options& options) {
  if (options.mode != Mode::sync) return options.execution;
  return options.drive ? Execution::pool : Execution::direct;
}

size_t ConnectionsOf(const Options& options) { return options.workload == Workload::connections ? options.parallel : 1; }

Options RawTwinOf(const Options& options, EngineKind yardstick) {
  Options twin = options;
  twin.engine = yardstick;
  twin.mode = Mode::callback;
  twin.codec = Codec::raw;
  twin.execution = Execution::direct;
  twin.drive = true;
  twin.same_loop = false;
  twin.window_mib = 0;
  if (!Polls(yardstick)) twin.poll = absl::ZeroDuration();
  return twin;
}

absl::StatusOr<std::string> DefaultCongestion(Carrier carrier, size_t payload_bytes) {
  if (carrier != Carrier::tcp) return std::string();
  if (payload_bytes >= kCubicFromBytes) return "cubic";
  constexpr char kSystemDefault[] = "/proc/sys/net/ipv4/tcp_congestion_control";
  std::string name;
  if (!(std::ifstream(kSystemDefault) >> name)) {
    return absl::NotFoundError(absl::StrCat(kSystemDefault, " cannot be read: name one with --congestion"));
  }
  return name;
}

}  // namespace rain::bench
