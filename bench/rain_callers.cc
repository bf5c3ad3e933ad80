#include "listenrain/bench/rain_callers.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/bench/calls.h"
#include "listenrain/bench/course.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/spawn.h"

namespace rain::bench {
namespace {

const Server& ServerOf(const std::vector<Server>& servers, uint64_t number) {
  return servers.size() == 1 ? servers.front() : servers[Calls::SlotOf(number)];
}

Message RequestOf(const PayloadPattern& pattern, uint64_t number) {
  return Message::Bytes(kEchoMethod, pattern.BufferOf(number));
}

// Ends the call as its outcome says. Errors: the outcome's; DATA_LOSS for a wrong reply.
absl::Status EndCall(Calls& calls, uint64_t number, const absl::StatusOr<Message>& reply, Instant now) {
  absl::Status ended = reply.status();
  if (reply.ok()) ended = calls.End(number, PiecesOf(reply->body), now);
  if (!ended.ok()) calls.Abandon(number);
  return ended;
}

// Everything on the loop's thread, so nothing is locked. Thread: loop, but for construction and, once done, destruction.
class LoopCaller final : private TurnTask {
 public:
  LoopCaller(const std::vector<Server>& servers, Loop& loop, const Meter& meter, Calls& calls, Course& course)
      : servers_(servers), loop_(loop), meter_(meter), calls_(calls), course_(course) {}

  void Start(Mode mode) {
    loop_.AtTurnEnd(*this);
    const auto here = NewInlineExecutor();
    for (size_t slot = 0; slot < calls_.parallel() && !course_.failed(); ++slot) {
      mode == Mode::coroutine ? Spawn(*here, AskInTurn(slot)) : Ask(slot);
    }
  }

 private:
  void Ask(size_t slot) {
    const uint64_t number = calls_.Begin(slot, loop_.now());
    absl::Status sent = ServerOf(servers_, number)
                            .Send(RequestOf(calls_.pattern(), number),
                                  [this, number](const absl::StatusOr<Message>& reply) { OnReply(number, reply); });
    if (sent.ok()) return;
    calls_.Abandon(number);
    course_.Fail(std::move(sent));
    loop_.AtTurnEnd(*this);
  }

  void OnReply(uint64_t number, const absl::StatusOr<Message>& reply) {
    if (GoesOn(number, reply)) Ask(Calls::SlotOf(number));
  }

  Task<> AskInTurn(size_t slot) {
    for (bool goes_on = true; goes_on;) {
      const uint64_t number = calls_.Begin(slot, loop_.now());
      const absl::StatusOr<Message> reply = co_await ServerOf(servers_, number).CoSend(RequestOf(calls_.pattern(), number));
      goes_on = GoesOn(number, reply);
    }
  }

  // By the turn's time, as the yardsticks ask for theirs once for all that came.
  bool GoesOn(uint64_t number, const absl::StatusOr<Message>& reply) {
    const Instant now = loop_.now();
    if (absl::Status ended = EndCall(calls_, number, reply, now); !ended.ok()) course_.Fail(std::move(ended));
    const bool goes_on = now < meter_.end() && !course_.failed();
    if (!goes_on) loop_.AtTurnEnd(*this);
    return goes_on;
  }

  void OnTurn() override {
    if (calls_.in_flight() == 0) course_.Done();  // this is gone
  }

  const std::vector<Server>& servers_;
  Loop& loop_;
  const Meter& meter_;
  Calls& calls_;
  Course& course_;
};

// Replies come on any of the pool's threads. Thread: any, but for construction and, once done, destruction.
class PoolCaller {
 public:
  PoolCaller(const std::vector<Server>& servers, const Meter& meter, Calls& calls, Course& course)
      : servers_(servers), pattern_(calls.pattern()), meter_(meter), calls_(&calls), course_(course) {}

  void Start(Mode mode) {
    std::vector<uint64_t> numbers;
    {
      MutexLock lock(mutex_);
      const Instant now = SystemClock().Now();
      for (size_t slot = 0; slot < calls_->parallel(); ++slot) numbers.push_back(calls_->Begin(slot, now));
    }
    const auto here = NewInlineExecutor();
    for (const uint64_t number : numbers) mode == Mode::coroutine ? Spawn(*here, AskInTurn(number)) : Ask(number);
  }

 private:
  void Ask(uint64_t number) {
    absl::Status sent =
        ServerOf(servers_, number).Send(RequestOf(pattern_, number), [this, number](const absl::StatusOr<Message>& reply) {
          OnReply(number, reply);
        });
    if (!sent.ok()) OnReply(number, std::move(sent));
  }

  void OnReply(uint64_t number, const absl::StatusOr<Message>& reply) {
    if (const uint64_t next = NextAfter(number, reply); next != 0) Ask(next);
  }

  Task<> AskInTurn(uint64_t number) {
    while (number != 0) {
      const absl::StatusOr<Message> reply = co_await ServerOf(servers_, number).CoSend(RequestOf(pattern_, number));
      number = NextAfter(number, reply);
    }
  }

  // 0: none. With the last of them this is gone.
  uint64_t NextAfter(uint64_t number, const absl::StatusOr<Message>& reply) {
    const Instant now = SystemClock().Now();
    uint64_t next = 0;
    bool done = false;
    {
      MutexLock lock(mutex_);
      if (absl::Status ended = EndCall(*calls_, number, reply, now); !ended.ok()) course_.Fail(std::move(ended));
      if (now < meter_.end() && !course_.failed()) next = calls_->Begin(Calls::SlotOf(number), now);
      done = calls_->in_flight() == 0;
    }
    if (done) course_.Done();
    return next;
  }

  const std::vector<Server>& servers_;
  const PayloadPattern& pattern_;
  const Meter& meter_;
  Mutex mutex_;
  Calls* const calls_ ABSL_PT_GUARDED_BY(mutex_);
  Course& course_;
};

// One blocking caller. Returns when the measured time is over or something failed.
void CallInTurn(const Server& server, const Meter& meter, Calls& calls, Course& course) {
  Instant now = SystemClock().Now();
  while (now < meter.end() && !course.failed()) {
    const uint64_t number = calls.Begin(0, now);
    const absl::StatusOr<Message> reply = server.SyncSend(RequestOf(calls.pattern(), number));
    now = SystemClock().Now();
    if (absl::Status ended = EndCall(calls, number, reply, now); !ended.ok()) course.Fail(std::move(ended));
  }
}

}  // namespace

Latencies CallOnLoop(const Options& options, const std::vector<Server>& servers, Loop& loop, Meter& meter) {
  const PayloadPattern pattern(options.payload_bytes, options.shared_payload);
  Calls calls(pattern, meter, options.parallel);
  Course course;
  LoopCaller caller(servers, loop, meter, calls, course);
  meter.Start(SystemClock().Now());
  loop.Run([&caller, mode = options.mode] { caller.Start(mode); });
  if (absl::Status ended = course.Await(meter); !ended.ok()) return ended;
  return std::make_unique<Histogram>(calls.latencies());
}

Latencies CallOnPool(const Options& options, const std::vector<Server>& servers, Meter& meter) {
  const PayloadPattern pattern(options.payload_bytes, options.shared_payload);
  Calls calls(pattern, meter, options.parallel);
  Course course;
  PoolCaller caller(servers, meter, calls, course);
  meter.Start(SystemClock().Now());
  caller.Start(options.mode);
  if (absl::Status ended = course.Await(meter); !ended.ok()) return ended;
  return std::make_unique<Histogram>(calls.latencies());
}

Latencies CallFromThreads(const Options& options, const std::vector<Server>& servers, Meter& meter) {
  const PayloadPattern pattern(options.payload_bytes, options.shared_payload);
  std::vector<std::unique_ptr<Calls>> calls;
  for (size_t i = 0; i < options.parallel; ++i) calls.push_back(std::make_unique<Calls>(pattern, meter, 1));
  Course course;
  std::atomic<size_t> running{options.parallel};
  meter.Start(SystemClock().Now());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.parallel; ++i) {
    threads.emplace_back([&, i] {
      CallInTurn(ServerOf(servers, i), meter, *calls[i], course);
      if (--running == 0) course.Done();
    });
  }
  absl::Status ended = course.Await(meter);
  for (std::thread& thread : threads) thread.join();
  if (!ended.ok()) return ended;
  auto latencies = std::make_unique<Histogram>();
  for (const std::unique_ptr<Calls>& each : calls) latencies->Merge(each->latencies());
  return latencies;
}

}  // namespace rain::bench
