#include "listenrain/bench/run.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <type_traits>

#include "listenrain/bench/descriptor_limit.h"
#include "listenrain/bench/engine.h"
#include "listenrain/bench/process.h"

namespace rain::bench {
namespace {

constexpr absl::Duration kToEnd = absl::Seconds(10);

std::unique_ptr<Engine> NewEngine(const Options& options) {
  switch (options.engine) {
    case EngineKind::epoll:
    case EngineKind::epoll_poll:
      return NewEpollEngine();
    case EngineKind::uv:
      return NewUvEngine();
    case EngineKind::ring:
      return NewRingEngine(options);
    case EngineKind::rain:
      break;
  }
  return NewRainEngine();
}

absl::StatusOr<Figures> MeasureBeside(const Options& options, Engine& engine, Rendezvous& rendezvous, pid_t server) {
  const absl::StatusOr<std::string> address = rendezvous.AwaitAddress();
  if (!address.ok()) return address.status();
  Meter meter(options, ::getpid(), server);
  if (options.workload == Workload::oneway) {
    const absl::StatusOr<Flow> flow = engine.Post(options, *address, meter);
    return flow.ok() ? meter.Finish(*flow) : flow.status();
  }
  const absl::StatusOr<std::unique_ptr<Histogram>> latencies = engine.Call(options, *address, meter);
  if (!latencies.ok()) return latencies.status();
  return meter.Finish(**latencies);
}

absl::StatusOr<Figures> RunInTwoProcesses(const Options& options, Engine& engine, Rendezvous rendezvous) {
  absl::StatusOr<ChildProcess> server = ChildProcess::Start("server", [&] {
    rendezvous.DropClient();
    return engine.Serve(options, rendezvous);
  });
  if (!server.ok()) return server.status();
  rendezvous.DropServer();
  absl::StatusOr<Figures> figures = MeasureBeside(options, engine, rendezvous, server->pid());
  rendezvous.End();
  if (!figures.ok()) return figures;
  if (absl::Status ended = server->Wait(kToEnd); !ended.ok()) return ended;
  return figures;
}

absl::StatusOr<Figures> RunInOneProcess(const Options& options, Engine& engine, Rendezvous rendezvous) {
  absl::Status served;
  std::thread server([&] {
    served = engine.Serve(options, rendezvous);
    rendezvous.DropServer();  // a client that waits for the address of a server that failed
  });
  absl::StatusOr<Figures> figures = MeasureBeside(options, engine, rendezvous, ::getpid());
  rendezvous.End();
  server.join();
  if (!served.ok()) return served;
  return figures;
}

absl::StatusOr<Figures> RunHere(const Options& options) {
  if (absl::Status allowed = AllowDescriptorsFor(ConnectionsOf(options)); !allowed.ok()) return allowed;
  const std::unique_ptr<Engine> engine = NewEngine(options);
  absl::StatusOr<Rendezvous> rendezvous = Rendezvous::New();
  if (!rendezvous.ok()) return rendezvous.status();
  return options.carrier == Carrier::inproc ? RunInOneProcess(options, *engine, *std::move(rendezvous))
                                            : RunInTwoProcesses(options, *engine, *std::move(rendezvous));
}

// How an outcome crosses from the client's process: the figures as they are, or the code and the text.
std::string Pack(const absl::StatusOr<Figures>& outcome) {
  static_assert(std::is_trivially_copyable_v<Figures>);
  std::string packed(1, static_cast<char>(outcome.status().code()));
  if (!outcome.ok()) return packed.append(outcome.status().message().data(), outcome.status().message().size());
  return packed.append(reinterpret_cast<const char*>(&*outcome), sizeof(Figures));
}

absl::StatusOr<Figures> Unpack(absl::string_view packed) {
  if (packed.empty()) return absl::DataLossError("the client ended without telling how");
  const auto code = static_cast<absl::StatusCode>(packed[0]);
  packed.remove_prefix(1);
  if (code != absl::StatusCode::kOk) return absl::Status(code, packed);
  if (packed.size() != sizeof(Figures)) return absl::DataLossError("the client ended while it told its figures");
  Figures figures;
  std::memcpy(&figures, packed.data(), sizeof(figures));
  return figures;
}

}  // namespace

absl::StatusOr<Figures> Measure(const Options& options) {
  if (absl::Status fit = Check(options); !fit.ok()) return fit;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  Descriptor results(ends[0]), told(ends[1]);
  absl::StatusOr<ChildProcess> client =
      ChildProcess::Start("client", [&] { return WriteAll(told.get(), Pack(RunHere(options))); });
  if (!client.ok()) return client.status();
  told.Close();
  const absl::StatusOr<std::string> packed = ReadAll(results.get());
  if (!packed.ok()) return packed.status();
  if (absl::Status ended = client->Wait(kToEnd); !ended.ok()) return ended;
  return Unpack(*packed);
}

}  // namespace rain::bench
