// The framework's own run: what a program would write, with no part of it made for this.
#include <memory>
#include <utility>
#include <vector>

#include "listenrain/bench/engine.h"
#include "listenrain/bench/rain_callers.h"
#include "listenrain/bench/rain_posters.h"
#include "listenrain/bench/rain_service.h"
#include "listenrain/framework/mutex.h"

namespace rain::bench {
namespace {

class RainEngine final : public Engine {
 public:
  absl::Status Serve(const Options& options, Rendezvous& rendezvous) override {
    const absl::StatusOr<Side> side = AssembleSide(options);
    return side.ok() ? bench::Serve(options, *side, rendezvous) : side.status();
  }

  absl::StatusOr<std::unique_ptr<Histogram>> Call(const Options& options, absl::string_view address, Meter& meter) override {
    const absl::StatusOr<Side> side = AssembleCallers(options);
    if (!side.ok()) return side.status();
    if (options.workload == Workload::connections) return CallOnMany(options, *side, address, meter);
    const absl::StatusOr<Server> server = side->rain->Open(side->protocol, TransportKey(address));
    if (!server.ok()) return server.status();
    return CallAll(options, *side, {*server}, meter);
  }

  absl::StatusOr<Flow> Post(const Options& options, absl::string_view address, Meter& meter) override {
    const absl::StatusOr<Side> side = AssembleCallers(options);
    if (!side.ok()) return side.status();
    const absl::StatusOr<Server> server = side->rain->Open(side->protocol, TransportKey(address));
    if (!server.ok()) return server.status();
    return options.mode == Mode::sync ? PostFromThreads(options, *server, meter)
                                      : PostOnLoop(options, *server, *side->loop, meter);
  }

 private:
  absl::StatusOr<Side> AssembleCallers(Options options) {
    options.execution = CallersExecution(options);
    return AssembleSide(options);
  }
  absl::StatusOr<Side> AssembleSide(const Options& options) {
    if (!options.same_loop) return Assemble(options);
    MutexLock lock(mutex_);
    absl::StatusOr<Side> side = Assemble(options, both_sides_loop_);
    if (side.ok()) both_sides_loop_ = side->loop;
    return side;
  }

  static Latencies CallAll(const Options& options, const Side& side, const std::vector<Server>& servers, Meter& meter) {
    if (options.mode == Mode::sync) return CallFromThreads(options, servers, meter);
    if (options.execution == Execution::pool) return CallOnPool(options, servers, meter);
    return CallOnLoop(options, servers, *side.loop, meter);
  }

  static Latencies CallOnMany(const Options& options, const Side& side, absl::string_view address, Meter& meter) {
    meter.footprint().BeforeOpening();
    const absl::StatusOr<std::vector<Server>> servers = OpenAll(options, side, address);
    if (!servers.ok()) return servers.status();
    meter.footprint().AfterOpening();
    Latencies latencies = CallAll(options, side, *servers, meter);
    meter.footprint().AfterCalls();
    return latencies;
  }

  Mutex mutex_;
  std::shared_ptr<Loop> both_sides_loop_ ABSL_GUARDED_BY(mutex_);  // of same_loop: the first side's
};

}  // namespace

std::unique_ptr<Engine> NewRainEngine() { return std::make_unique<RainEngine>(); }

}  // namespace rain::bench
