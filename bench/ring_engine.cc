// The yardstick in process: two threads, and a ring each way. Client and server are one object, which is where they meet.
#include <memory>

#include "listenrain/bench/calls.h"
#include "listenrain/bench/engine.h"
#include "listenrain/bench/raw_ring.h"

namespace rain::bench {
namespace {

class RingEngine final : public Engine {
 public:
  explicit RingEngine(const Options& options)
      : pattern_(options.payload_bytes, options.shared_payload),
        requests_(options.parallel, options.payload_bytes, options.poll),
        replies_(options.parallel, options.payload_bytes, options.poll) {}

  absl::Status Serve(const Options& options, Rendezvous& rendezvous) override {
    if (absl::Status told = rendezvous.Announce("ring"); !told.ok()) return told;
    absl::Status answered = AnswerAll(options);
    replies_.End();
    return answered.ok() ? rendezvous.AwaitEnd() : answered;
  }

  absl::StatusOr<std::unique_ptr<Histogram>> Call(const Options& options, absl::string_view, Meter& meter) override {
    Calls calls(pattern_, meter, options.parallel);
    absl::Status called = CallAll(calls, meter);
    requests_.End();
    if (!called.ok()) return called;
    return std::make_unique<Histogram>(calls.latencies());
  }

  absl::StatusOr<Flow> Post(const Options&, absl::string_view, Meter&) override {
    return absl::UnimplementedError("a ring has calls only");
  }

 private:
  // Until the client has ended. Errors: DATA_LOSS for a request that is not the payload for all, if there is one.
  absl::Status AnswerAll(const Options& options) {
    RawPacket request;
    while (requests_.Await()) {
      while (requests_.Next(request)) {
        if (options.shared_payload && !pattern_.IsOf(request.number, absl::MakeConstSpan(&request.payload, 1))) {
          return absl::DataLossError("a request's bytes are not the payload for all");
        }
        replies_.Append(request);
      }
      replies_.Publish();
    }
    return absl::OkStatus();
  }

  absl::Status CallAll(Calls& calls, Meter& meter) {
    Instant now = SystemClock().Now();
    meter.Start(now);
    for (size_t slot = 0; slot < calls.parallel(); ++slot) Request(calls, slot, now);
    requests_.Publish();
    RawPacket reply;
    while (calls.in_flight() > 0) {
      if (!replies_.Await()) return absl::UnavailableError("the server ended with calls in flight");
      now = SystemClock().Now();
      meter.Sample(now);
      const bool goes_on = now < meter.end();
      while (replies_.Next(reply)) {
        if (absl::Status right = calls.End(reply.number, reply.payload, now); !right.ok()) return right;
        if (goes_on) Request(calls, Calls::SlotOf(reply.number), now);
      }
      requests_.Publish();
    }
    return absl::OkStatus();
  }

  void Request(Calls& calls, size_t slot, Instant now) {
    const uint64_t number = calls.Begin(slot, now);
    requests_.Append({number, pattern_.Of(number)});
  }

  const PayloadPattern pattern_;  // outlives the payloads that the rings refer to
  RawRing requests_;
  RawRing replies_;
};

}  // namespace

std::unique_ptr<Engine> NewRingEngine(const Options& options) { return std::make_unique<RingEngine>(options); }

}  // namespace rain::bench
