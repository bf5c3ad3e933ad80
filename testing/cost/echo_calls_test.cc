#include "listenrain/testing/cost/echo_calls_test.h"

#include <cstdlib>
#include <future>
#include <iostream>
#include <string>
#include <utility>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/helm.h"
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
  explicit ManualStepped(std::shared_ptr<ManualLoop> loop) : loop_(std::move(loop)) {}
  std::shared_ptr<Loop> loop() override { return loop_; }
  void RunReady() override { RunTurn(); }
  void RunTurn() override {
    loop_->manual_clock().Advance(kTurn);
    loop_->RunTurn(Instant::Infinite());
  }

 private:
  const std::shared_ptr<ManualLoop> loop_;
};

class AttachedStepped final : public SteppedLoop {
 public:
  std::shared_ptr<Loop> loop() override { return {std::shared_ptr<void>(), &*driven_}; }  // borrowed
  void RunReady() override { driven_.RunReady(); }
  void RunTurn() override { driven_.RunTurn(); }

 private:
  DrivenLoop driven_;
};

// The helm is taken in a turn of the loop's own thread, and kept. That thread goes on until somebody else has had the baton.
class ThreadedStepped final : public SteppedLoop {
 public:
  ThreadedStepped() : loop_(NewUvLoop({.poll = absl::ZeroDuration()}).value()) {
    std::promise<bool> taken;
    loop_->Run([&] { taken.set_value(loop_->helm()->Take(maker_)); });
    if (!taken.get_future().get()) std::abort();
    while (!RunTurnSoon()) {
    }
  }
  std::shared_ptr<Loop> loop() override { return loop_; }
  // Sleeps a moment rather than to look again and again, which would differ from run to run.
  void RunReady() override { RunTurnSoon(); }
  void RunTurn() override { loop_->RunTurn(Instant::Infinite()); }
  void LetGo() override { loop_->helm()->Leave(maker_); }

 private:
  bool RunTurnSoon() { return loop_->RunTurn(loop_->clock().Now() + absl::Milliseconds(1)); }

  const std::shared_ptr<Loop> loop_;
  Helm::Caller maker_;
};

}  // namespace

LoopPair NewLoopPair(absl::string_view carrier) {
  if (carrier == "tcp") return {std::make_unique<ThreadedStepped>(), std::make_unique<ThreadedStepped>()};
  if (carrier == "attached") return {std::make_unique<AttachedStepped>(), std::make_unique<AttachedStepped>()};
  const auto loop = std::make_shared<ManualLoop>();
  if (carrier == "same_loop") return {std::make_unique<ManualStepped>(loop), std::make_unique<ManualStepped>(loop)};
  if (carrier != "inproc") return {};
  const auto other = std::make_shared<ManualLoop>(std::shared_ptr<ManualClock>(loop, &loop->manual_clock()), 2);
  return {std::make_unique<ManualStepped>(loop), std::make_unique<ManualStepped>(other)};
}

absl::string_view KeyOf(absl::string_view carrier) {
  return carrier == "inproc" || carrier == "same_loop" ? "inproc://cost" : "tcp://127.0.0.1:0";
}

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
  AskSo(1);
  do {
    RunReady();
  } while (in_flight() > 0);
}

EchoCalls::~EchoCalls() {
  loops_.client->LetGo();
  loops_.server->LetGo();
  handle_.reset();
  client_.rain->Stop();
  server_.rain->Stop();
  for (int turn = 0; turn < 8; ++turn) RunReady();
}

void EchoCalls::Run(int calls, int parallel) {
  to_ask_ = calls;
  AskSo(parallel);
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

// In the loop, as whoever is called back asks.
void EchoCalls::AskSo(int many) {
  loops_.client->loop()->Run([this, many] {
    for (int i = 0; i < many; ++i) Ask();
  });
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
