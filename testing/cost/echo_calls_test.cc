#include "listenrain/testing/cost/echo_calls_test.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/transports/driven_loop_test.h"

namespace rain {
namespace {

constexpr int64_t kEchoMethod = 1;
constexpr size_t kBodyBytes = 110;
constexpr absl::Duration kTurn = absl::Microseconds(10);

// What costs what it should must also work: an error is nothing to measure.
void Require(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << '\n';
  std::abort();
}

class ManualStepped final : public SteppedLoop {
 public:
  ManualStepped(std::shared_ptr<ManualClock> clock, uint64_t seed)
      : clock_(std::move(clock)), loop_(std::make_shared<ManualLoop>(clock_, seed)) {}
  std::shared_ptr<Loop> loop() override { return loop_; }
  void RunReady() override { RunTurn(); }
  void RunTurn() override {
    clock_->Advance(kTurn);
    loop_->RunTurn(Instant::Infinite());
  }

 private:
  const std::shared_ptr<ManualClock> clock_;
  const std::shared_ptr<ManualLoop> loop_;
};

class UvStepped final : public SteppedLoop {
 public:
  std::shared_ptr<Loop> loop() override { return {std::shared_ptr<void>(), &*driven_}; }  // borrowed
  void RunReady() override { driven_.RunReady(); }
  void RunTurn() override { driven_.RunTurn(); }

 private:
  DrivenLoop driven_;
};

}  // namespace

LoopPair NewLoopPair(absl::string_view carrier) {
  if (carrier == "tcp") return {std::make_unique<UvStepped>(), std::make_unique<UvStepped>()};
  if (carrier != "inproc") return {};
  const auto clock = std::make_shared<ManualClock>();
  return {std::make_unique<ManualStepped>(clock, 1), std::make_unique<ManualStepped>(clock, 2)};
}

absl::string_view KeyOf(absl::string_view carrier) { return carrier == "tcp" ? "tcp://127.0.0.1:0" : "inproc://cost"; }

EchoCalls::Side::Side(std::shared_ptr<Loop> loop) {
  ListenRainOptions options;
  options.loops = {std::move(loop)};
  options.executor = NewInlineExecutor();
  rain = NewListenRain(std::move(options)).value();
  protocol = RegisterMessages(*rain).value();
}

EchoCalls::EchoCalls(const LoopPair& loops, absl::string_view key)
    : loops_(loops),
      server_(loops.server->loop()),
      client_(loops.client->loop()),
      message_(Message::Text(kEchoMethod, std::string(kBodyBytes, 'x'))) {
  Router<Message> router;
  router.On(kEchoMethod, [this](Message message, CallContext, Responder<Message> responder) {
    Require(responder.Reply(message));
    ++handled_;
  });
  listener_ = server_.rain->Listen(server_.protocol, TransportKey(std::string(key)), std::move(router)).value();
  handle_ = std::make_unique<TransportHandle<Message>>(client_.rain->Open(client_.protocol, listener_.bound_key()).value());
  to_ask_ = 1;
  Ask();
  while (in_flight() > 0) RunReady();
}

EchoCalls::~EchoCalls() {
  handle_.reset();
  client_.rain->Stop();
  server_.rain->Stop();
  for (int turn = 0; turn < 8; ++turn) RunReady();
}

void EchoCalls::Run(int calls, int parallel) {
  to_ask_ = calls;
  for (int i = 0; i < parallel; ++i) Ask();
  RunReady();
  while (in_flight() > 0) {
    if (handled_ < asked_) loops_.server->RunTurn();
    if (replied_ < handled_) loops_.client->RunTurn();
  }
}

void EchoCalls::RunReady() {
  loops_.client->RunReady();
  loops_.server->RunReady();
}

void EchoCalls::Ask() {
  if (to_ask_ == 0) return;
  --to_ask_;
  ++asked_;
  Require(handle_->Send(message_, [this](const absl::StatusOr<Message>& reply) {
    Require(reply.status());
    ++replied_;
    Ask();
  }));
}

}  // namespace rain
