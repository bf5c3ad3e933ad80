#include "listenrain/bench/rain_service.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/bench/calls.h"
#include "listenrain/codecs/capnp_codec.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/counters.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/transports/uv_loop.h"

namespace rain::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr size_t kEnvelopeBytes = 1 << 10;     // more than any codec writes around this body
constexpr size_t kBytesPerSecond = 128 << 20;  // that a run passes on at least, with so much in flight that it counts
constexpr size_t kQueueBesideWindow = size_t{8} << 30;

// Of the calls on one connection, both ways.
size_t BytesInFlight(const Options& options) {
  return 2 * (options.parallel / ConnectionsOf(options)) * (options.payload_bytes + kEnvelopeBytes);
}

// A call waits for all those before it.
absl::Duration PatienceFor(const Options& options) { return kPatience + absl::Seconds(BytesInFlight(options) / kBytesPerSecond); }

// The defaults, or more where the run keeps more in flight on a connection than they allow.
Limits LimitsFor(const Options& options) {
  const size_t parallel = options.parallel / ConnectionsOf(options);
  const size_t packet_bytes = options.payload_bytes + kEnvelopeBytes;
  const size_t all_bytes = BytesInFlight(options);
  Limits limits;
  limits.max_packet_bytes = std::max(limits.max_packet_bytes, packet_bytes);
  limits.max_queued_bytes = std::max(limits.max_queued_bytes, all_bytes);
  limits.max_queued_packets = std::max(limits.max_queued_packets, parallel);
  limits.window_requests = std::max(limits.window_requests, parallel);
  limits.window_bytes = std::max(limits.window_bytes, all_bytes);
  if (options.window_mib == 0) return limits;
  limits.max_queued_bytes = std::max(kQueueBesideWindow, all_bytes);
  limits.window_bytes = options.window_mib << 20;
  return limits;
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

// What the handlers know together. Thread: any.
class Served {
 public:
  explicit Served(const Options& options)
      : payload_bytes_(options.payload_bytes), one_thread_(options.execution == Execution::direct) {
    if (options.shared_payload) for_all_.emplace(payload_bytes_, true);
  }

  // The receiver of a payload for all looks at it as the receiver of its echo does.
  void CheckRequest(const Message& request) {
    if (!for_all_ || for_all_->IsOf(0, PiecesOf(request.body))) return;
    Note(absl::DataLossError(absl::StrCat("a request of ", SizeOf(request.body), " bytes that are not the payload for all")));
  }
  void CountPost(const Message& message) {
    if (const size_t size = SizeOf(message.body); size != payload_bytes_) {
      return Note(absl::DataLossError(absl::StrCat("a message of ", size, " bytes where all have ", payload_bytes_)));
    }
    one_thread_ ? posts_.Add() : posts_.AddShared();
  }
  Receipt ReceiptFrom(const Stats& stats) const {
    return {posts_.value(), SystemClock().Now(), stats.channels_opened - stats.channels_closed};
  }
  void Note(absl::Status status) {
    if (status.ok()) return;
    MutexLock lock(mutex_);
    if (first_error_.ok()) first_error_ = std::move(status);
  }
  // The first message that could not be handled, if any.
  absl::Status TakeError() {
    MutexLock lock(mutex_);
    return std::move(first_error_);
  }

 private:
  const size_t payload_bytes_;
  const bool one_thread_;
  std::optional<PayloadPattern> for_all_;
  Counter posts_;
  Mutex mutex_;
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<Side> Assemble(const Options& options, std::shared_ptr<Loop> loop) {
  Side side;
  if (loop == nullptr) {
    absl::StatusOr<std::shared_ptr<Loop>> own = NewUvLoop({.poll = options.poll});
    if (!own.ok()) return own.status();
    loop = *std::move(own);
  }
  side.loop = std::move(loop);
  ListenRainOptions parts;
  parts.loops = {side.loop};
  if (options.execution == Execution::direct) parts.executor = NewInlineExecutor();
  absl::StatusOr<std::unique_ptr<ListenRain>> rain = NewListenRain(std::move(parts));
  if (!rain.ok()) return rain.status();
  side.rain = *std::move(rain);
  ProtocolSpec<Message> spec;
  spec.name = "bench";
  spec.message_codec = options.codec == Codec::capnp ? NewCapnpCodec() : NewCompactCodec();
  spec.timeout = PatienceFor(options);
  spec.limits = LimitsFor(options);
  absl::StatusOr<Protocol<Message>> protocol = side.rain->Register(std::move(spec));
  if (!protocol.ok()) return protocol.status();
  side.protocol = *std::move(protocol);
  return side;
}

absl::Status Serve(const Options& options, const Side& side, Rendezvous& rendezvous) {
  Served served(options);
  Router<Message> router;
  router.On(kEchoMethod, [&served](Message request, CallContext, Responder<Message> responder) {
    served.CheckRequest(request);
    if (absl::Status replied = responder.Reply(request); !replied.ok()) served.Note(std::move(replied));
  });
  router.On(kPostMethod, [&served](Message message, CallContext, Responder<Message>) { served.CountPost(message); });
  router.On(kReceiptMethod, [&served, &side](Message, CallContext, Responder<Message> responder) {
    const Receipt receipt = served.ReceiptFrom(side.rain->StatsOf(side.protocol));
    served.Note(responder.Reply(Message::Text(kReceiptMethod, receipt.Encode())));
  });
  absl::StatusOr<Listener> listener = side.rain->Listen(side.protocol, KeyToListenOn(options), std::move(router));
  if (!listener.ok()) return listener.status();
  if (absl::Status told = rendezvous.Announce(listener->bound_key().text()); !told.ok()) return told;
  absl::Status ended = rendezvous.AwaitEnd();
  side.rain->Stop();
  return ended.ok() ? served.TakeError() : ended;
}

absl::InlinedVector<absl::Span<const char>, 2> PiecesOf(const Payload& body) {
  absl::InlinedVector<absl::Span<const char>, 2> pieces;
  for (const Buffer& piece : body) pieces.emplace_back(piece.data(), piece.size());
  return pieces;
}

absl::StatusOr<Receipt> ReceiptIn(const absl::StatusOr<Message>& reply) {
  return reply.ok() ? Receipt::Decode(reply->text()) : reply.status();
}

absl::StatusOr<Receipt> SyncReceipt(const Server& server) {
  return ReceiptIn(server.SyncSend(Message{.method = kReceiptMethod}, {.on_overflow = Overflow::wait}));
}

}  // namespace rain::bench
