#include "listenrain/bench/options.h"

#include <array>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rain::bench {
namespace {

constexpr size_t kCubicFromBytes = 32 << 10;

// In the order of the enumerations.
constexpr std::array<absl::string_view, 3> kEngines = {"rain", "epoll", "uv"};
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

}  // namespace

absl::string_view NameOf(EngineKind engine) { return kEngines[static_cast<size_t>(engine)]; }
absl::string_view NameOf(Carrier carrier) { return kCarriers[static_cast<size_t>(carrier)]; }
absl::string_view NameOf(Mode mode) { return kModes[static_cast<size_t>(mode)]; }
absl::string_view NameOf(Codec codec) { return kCodecs[static_cast<size_t>(codec)]; }
absl::string_view NameOf(Execution execution) { return kExecutions[static_cast<size_t>(execution)]; }

absl::StatusOr<EngineKind> EngineNamed(absl::string_view name) { return Find<EngineKind>("engine", kEngines, name); }
absl::StatusOr<Carrier> CarrierNamed(absl::string_view name) { return Find<Carrier>("transport", kCarriers, name); }
absl::StatusOr<Mode> ModeNamed(absl::string_view name) { return Find<Mode>("mode", kModes, name); }
absl::StatusOr<Codec> CodecNamed(absl::string_view name) { return Find<Codec>("codec", kCodecs, name); }
absl::StatusOr<Execution> ExecutionNamed(absl::string_view name) { return Find<Execution>("executor", kExecutions, name); }

absl::Status Check(const Options& options) {
  if (options.parallel < 1 || options.parallel > kMaxParallel) {
    return absl::InvalidArgumentError(absl::StrCat("--parallel must be from 1 to ", kMaxParallel));
  }
  if (options.mode == Mode::sync && options.parallel > kMaxThreads) {
    return absl::InvalidArgumentError(absl::StrCat("--parallel must be at most ", kMaxThreads, " threads with --mode=sync"));
  }
  if (options.payload_bytes > kMaxPayloadBytes) {
    return absl::InvalidArgumentError(absl::StrCat("--payload must be at most ", kMaxPayloadBytes, " bytes"));
  }
  if (options.measured <= absl::ZeroDuration()) return absl::InvalidArgumentError("--seconds must be more than 0");
  if (options.poll < absl::ZeroDuration()) return absl::InvalidArgumentError("--poll_us must be 0 or more");
  if (options.carrier != Carrier::tcp && !options.congestion.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--congestion is for --transport=tcp, not ", NameOf(options.carrier)));
  }
  if (options.engine == EngineKind::rain) {
    if (options.codec == Codec::raw) return absl::InvalidArgumentError("--codec=raw is the yardsticks': use compact or capnp");
    return absl::OkStatus();
  }
  if (options.carrier == Carrier::inproc) {
    return absl::InvalidArgumentError(
        absl::StrCat("--engine=", NameOf(options.engine), " speaks over sockets: use --transport=tcp or unix"));
  }
  if (options.mode != Mode::callback || options.codec != Codec::raw || options.execution != Execution::direct) {
    return absl::InvalidArgumentError(
        absl::StrCat("--engine=", NameOf(options.engine), " has --mode=callback, --codec=raw and --executor=inline only"));
  }
  if (options.engine == EngineKind::uv && options.poll > absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--poll_us is not for --engine=uv: its loop sleeps when it has nothing to do");
  }
  return absl::OkStatus();
}

Options RawTwinOf(const Options& options, EngineKind yardstick) {
  Options twin = options;
  twin.engine = yardstick;
  twin.mode = Mode::callback;
  twin.codec = Codec::raw;
  twin.execution = Execution::direct;
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
