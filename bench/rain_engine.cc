// The framework's own echo: what a program would write, with no part of it made for this.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/bench/engine.h"
#include "listenrain/bench/rain_callers.h"
#include "listenrain/codecs/capnp_codec.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/listenrain.h"
#include "listenrain/transports/uv_loop.h"

namespace rain::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr size_t kEnvelopeBytes = 1 << 10;  // more than any codec writes around this body

// One side of the run. The loop is known apart because the client's calls are counted on it.
struct Side {
  std::shared_ptr<Loop> loop;
  std::unique_ptr<ListenRain> rain;
  Protocol<Message> echo;
};

// The defaults, or more where the run keeps more in flight than they allow.
Limits LimitsFor(const Options& options) {
  const size_t packet_bytes = options.payload_bytes + kEnvelopeBytes;
  const size_t all_bytes = 2 * options.parallel * packet_bytes;
  Limits limits;
  limits.max_packet_bytes = std::max(limits.max_packet_bytes, packet_bytes);
  limits.max_queued_bytes = std::max(limits.max_queued_bytes, all_bytes);
  limits.max_queued_packets = std::max(limits.max_queued_packets, options.parallel);
  limits.window_requests = std::max(limits.window_requests, options.parallel);
  limits.window_bytes = std::max(limits.window_bytes, all_bytes);
  return limits;
}

absl::StatusOr<Side> Assemble(const Options& options) {
  Side side;
  absl::StatusOr<std::shared_ptr<Loop>> loop = NewUvLoop({.poll = options.poll});
  if (!loop.ok()) return loop.status();
  side.loop = *std::move(loop);
  ListenRainOptions parts;
  parts.loops = {side.loop};
  if (options.execution == Execution::direct) parts.executor = NewInlineExecutor();
  absl::StatusOr<std::unique_ptr<ListenRain>> rain = NewListenRain(std::move(parts));
  if (!rain.ok()) return rain.status();
  side.rain = *std::move(rain);
  ProtocolSpec<Message> spec;
  spec.name = "echo";
  spec.message_codec = options.codec == Codec::capnp ? NewCapnpCodec() : NewCompactCodec();
  spec.timeout = kPatience;
  spec.limits = LimitsFor(options);
  absl::StatusOr<Protocol<Message>> echo = side.rain->Register(std::move(spec));
  if (!echo.ok()) return echo.status();
  side.echo = *std::move(echo);
  return side;
}

std::string KeyToListenOn(const Options& options) {
  switch (options.carrier) {
    case Carrier::local:
      return absl::StrCat("unix:@rain_bench.", ::getpid());
    case Carrier::inproc:
      return "inproc://rain_bench";
    case Carrier::tcp:
      break;
  }
  return options.congestion.empty() ? "tcp://127.0.0.1:0" : absl::StrCat("tcp://127.0.0.1:0?congestion=", options.congestion);
}

// The first reply that could not be given, if any. Thread: any.
class FirstError {
 public:
  void Note(absl::Status why) {
    MutexLock lock(mutex_);
    if (first_.ok()) first_ = std::move(why);
  }
  absl::Status Take() {
    MutexLock lock(mutex_);
    return std::move(first_);
  }

 private:
  Mutex mutex_;
  absl::Status first_ ABSL_GUARDED_BY(mutex_);
};

class RainEngine final : public Engine {
 public:
  absl::Status Serve(const Options& options, Rendezvous& rendezvous) override {
    FirstError unanswered;
    absl::StatusOr<Side> side = Assemble(options);
    if (!side.ok()) return side.status();
    Router<Message> router;
    router.On(kEchoMethod, [&unanswered](Message request, CallContext, Responder<Message> responder) {
      if (absl::Status replied = responder.Reply(request); !replied.ok()) unanswered.Note(std::move(replied));
    });
    absl::StatusOr<Listener> listener = side->rain->Listen(side->echo, KeyToListenOn(options), std::move(router));
    if (!listener.ok()) return listener.status();
    if (absl::Status told = rendezvous.Announce(listener->bound_key().text()); !told.ok()) return told;
    absl::Status ended = rendezvous.AwaitEnd();
    side->rain->Stop();
    return ended.ok() ? unanswered.Take() : ended;
  }

  absl::StatusOr<std::unique_ptr<Histogram>> Call(const Options& options, absl::string_view address, Meter& meter) override {
    absl::StatusOr<Side> side = Assemble(options);
    if (!side.ok()) return side.status();
    absl::StatusOr<TransportHandle<Message>> server = side->rain->Open(side->echo, TransportKey(address));
    if (!server.ok()) return server.status();
    if (options.mode == Mode::sync) return CallFromThreads(options, *server, meter);
    if (options.execution == Execution::pool) return CallOnPool(options, *server, meter);
    return CallOnLoop(options, *server, *side->loop, meter);
  }
};

}  // namespace

std::unique_ptr<Engine> NewRainEngine() { return std::make_unique<RainEngine>(); }

}  // namespace rain::bench
