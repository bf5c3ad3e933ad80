// Options: what one run of the benchmark is, and the names that its parts have on the command line and in reports.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rain::bench {

// The framework; echoes written by hand, to hold it against: on epoll, on epoll looking for more before it sleeps, on libuv, over
// rings between two threads.
enum class EngineKind { rain, epoll, epoll_poll, uv, ring };
// Calls on one connection; messages that get no reply, counted where they arrive; a call on each of many connections.
enum class Workload { echo, oneway, connections };
enum class Carrier { tcp, local, inproc };  // "tcp", "unix", "inproc"
enum class Mode { callback, coroutine, sync };
enum class Codec { raw, compact, capnp };  // raw: what the yardsticks speak, see raw_wire.h
enum class Execution { direct, pool };     // "inline", "pool"

absl::string_view NameOf(EngineKind engine);
absl::string_view NameOf(Workload workload);
absl::string_view NameOf(Carrier carrier);
absl::string_view NameOf(Mode mode);
absl::string_view NameOf(Codec codec);
absl::string_view NameOf(Execution execution);

// Errors: INVALID_ARGUMENT naming the choices.
absl::StatusOr<EngineKind> EngineNamed(absl::string_view name);
absl::StatusOr<Workload> WorkloadNamed(absl::string_view name);
absl::StatusOr<Carrier> CarrierNamed(absl::string_view name);
absl::StatusOr<Mode> ModeNamed(absl::string_view name);
absl::StatusOr<Codec> CodecNamed(absl::string_view name);
absl::StatusOr<Execution> ExecutionNamed(absl::string_view name);

// How long engines that poll look for more to do before they sleep, unless told otherwise: the same for all.
inline constexpr absl::Duration kDefaultPoll = absl::Microseconds(50);

struct Options {
  EngineKind engine = EngineKind::rain;
  Workload workload = Workload::echo;
  Carrier carrier = Carrier::tcp;
  Mode mode = Mode::callback;
  Codec codec = Codec::compact;
  Execution execution = Execution::direct;
  size_t parallel = 64;  // calls in flight; of connections: as many, one on each; one way: threads, with Mode::sync
  size_t clients = 1;    // of echo over a socket: processes, each with so many calls in flight, beside one server
  size_t payload_bytes = 110;
  absl::Duration warm_up = absl::Milliseconds(500);
  absl::Duration measured = absl::Seconds(3);
  absl::Duration rest = absl::Milliseconds(2500);  // how long connections are left alone before their memory is read
  absl::Duration poll;                             // how long to look for more before sleeping
  std::string congestion;                          // of tcp; empty elsewhere
  bool drive = true;                               // of rain: threads that block for a reply may run the loop meanwhile
  bool same_loop = false;                          // of rain, in process: client and server on one loop, so on one thread
  bool shared_payload = false;  // all calls carry the same bytes, by reference; of what arrives, length and ends are checked
  size_t window_mib = 0;        // of rain: what the window lets through at once, the rest being queued. 0: all that is in flight
};

inline constexpr size_t kMaxParallel = 1 << 20;
inline constexpr size_t kMaxThreads = 4096;  // of --mode=sync
inline constexpr size_t kMaxClients = 64;
inline constexpr size_t kMaxRingParallel = 16 << 10;  // each call has a slot in both rings
inline constexpr size_t kMaxPayloadBytes = 64 << 20;
inline constexpr size_t kMaxWindowMib = 8 << 10;

// Errors: INVALID_ARGUMENT naming the flag that is out of its range, or that means nothing beside the others.
absl::Status Check(const Options& options);

// True if it can look for more before it sleeps.
bool Polls(EngineKind engine);

// Where user code runs on the side that calls. Who blocks for each call has none; but threads may drive the loops of a program
// whose executor is a pool, and those of no other.
Execution CallersExecution(const Options& options);

// How many connections the run has.
size_t ConnectionsOf(const Options& options);

// The same run for a yardstick: a thread a side, callbacks, the raw wire, no window; the polling time only if it polls.
Options RawTwinOf(const Options& options, EngineKind yardstick);

// The congestion control that a run gets when none is named: bbr, a common default, halves large messages on loopback, so these
// get cubic; the others get the system's, by its name. Errors: NOT_FOUND if the system does not tell its own.
absl::StatusOr<std::string> DefaultCongestion(Carrier carrier, size_t payload_bytes);

}  // namespace rain::bench
