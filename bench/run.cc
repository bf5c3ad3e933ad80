#include "listenrain/bench/run.h"

#include <unistd.h>

#include <thread>
#include <utility>
#include <vector>

#include "listenrain/bench/clients.h"
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

absl::StatusOr<Figures> MeasureAt(const Options& options, Engine& engine, absl::string_view address, pid_t server) {
  Meter meter(options, ::getpid(), server);
  if (options.workload == Workload::oneway) {
    const absl::StatusOr<Flow> flow = engine.Post(options, address, meter);
    return flow.ok() ? meter.Finish(*flow) : flow.status();
  }
  const absl::StatusOr<std::unique_ptr<Histogram>> latencies = engine.Call(options, address, meter);
  if (!latencies.ok()) return latencies.status();
  return meter.Finish(**latencies);
}

// This process is one of the clients; the others are its children.
absl::StatusOr<Figures> MeasureBeside(const Options& options, Engine& engine, Rendezvous& rendezvous, pid_t server) {
  const absl::StatusOr<std::string> address = rendezvous.AwaitAddress();
  if (!address.ok()) return address.status();
  const auto measure = [&] { return MeasureAt(options, engine, *address, server); };
  std::vector<Client> others;
  while (others.size() + 1 < options.clients) {
    absl::StatusOr<Client> other = Client::Start(measure);
    if (!other.ok()) return other.status();
    others.push_back(*std::move(other));
  }
  std::vector<Figures> figures;
  absl::StatusOr<Figures> own = measure();
  if (!own.ok()) return own;
  figures.push_back(*own);
  for (Client& other : others) {
    absl::StatusOr<Figures> its = other.Finish();
    if (!its.ok()) return its;
    figures.push_back(*its);
  }
  return Together(figures);
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

}  // namespace

absl::StatusOr<Figures> Measure(const Options& options) {
  if (absl::Status fit = Check(options); !fit.ok()) return fit;
  absl::StatusOr<Client> client = Client::Start([&] { return RunHere(options); });
  return client.ok() ? client->Finish() : client.status();
}

}  // namespace rain::bench
