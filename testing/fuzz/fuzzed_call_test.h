// What callers and handlers of a fuzzed engine have in hand.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "listenrain/framework/call_context.h"
#include "listenrain/framework/responder.h"
#include "listenrain/framework/stat_machine.h"
#include "listenrain/framework/transport_handle.h"
#include "listenrain/testing/fuzz_codecs.h"

namespace rain {

// One request of ours, and what became of it. Thread: one.
template <class M>
class FuzzedCall final : public StatMachine<M> {
 public:
  explicit FuzzedCall(std::function<void()> on_outcome) : on_outcome_(std::move(on_outcome)) {}

  Callback<M> callback() {
    return [this](const absl::StatusOr<M>&) { Told(); };
  }
  void Process(const MsgId&, M) override { Told(); }
  void Timeout(const MsgId&) override { Told(); }
  void Fail(const MsgId&, absl::Status why) override {
    MustHold(!why.ok(), "a failure that is OK");
    Told();
  }

  void Told() {
    MustHold(sent.ok(), "a call that was refused, or is not accepted yet, has an outcome");
    MustHold(++outcomes == 1, "a call has two outcomes");
    on_outcome_();
  }

  absl::Status sent = absl::UnknownError("Send has not returned");
  int outcomes = 0;
  Cancellation cancellation;

 private:
  const std::function<void()> on_outcome_;
};

// In the bits 1, 2, 4, 8, 16 and 128.
inline SendOptions FuzzedOptions(uint8_t how) {
  const absl::Duration timeouts[] = {absl::ZeroDuration(), absl::Milliseconds(1), absl::Seconds(2), absl::Hours(2)};
  SendOptions options;
  options.timeout = timeouts[how & 3];
  options.idempotent = (how & 4) != 0;
  options.wait_for_ready = (how & 8) != 0;
  options.on_overflow = (how & 16) != 0 ? Overflow::wait : Overflow::fail;
  options.priority = how >> 7;
  return options;
}

// A peer's request that waits for its answer.
template <class M>
struct KeptRequest {
  CallContext context;
  Responder<M> responder;
};

}  // namespace rain
