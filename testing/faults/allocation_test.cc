// In steady state a call allocates nothing, on neither side. A program of its own: it has a malloc that counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/cost/counted_allocations_test.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/sanitizers_test.h"
#include "listenrain/testing/faults/signal_test.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

constexpr int kWarmUp = 20'000;
constexpr int kCalls = 100'000;
constexpr int kRounds = 8;
constexpr int kFairRounds = 3;
constexpr uint64_t kSmallTables = 4 << 10;  // bytes; less than any table with a place for each call
constexpr int64_t kByCoroutine = 8;
constexpr absl::Duration kStandstill = absl::Milliseconds(500);

// Sees when the machine stands still. A transport that is silent for a second gives back its tables, so that its next call makes
// them again, as it should: calls that met this are made and counted anew. Thread: one at a time.
class Heart {
 public:
  void Beat() {
    const absl::Time now = absl::Now();
    longest_ = std::max(longest_, now - last_);
    last_ = now;
  }
  void Restart() {
    last_ = absl::Now();
    longest_ = absl::ZeroDuration();
  }
  bool stood_still() const { return longest_ >= kStandstill; }

 private:
  absl::Time last_;
  absl::Duration longest_;
};

// One that has all the blocks that so many calls can have in use at once: how many that are depends on how the threads fall in
// with each other.
std::shared_ptr<BufferPool> NewWarmPool() {
  constexpr size_t kCallsAtOnce = 64;
  constexpr size_t kSmallest = 256;
  constexpr size_t kLargest = 64 << 10;
  std::shared_ptr<BufferPool> pool = NewBufferPool();
  std::vector<Buffer> blocks;
  for (size_t size = kSmallest; size <= kLargest; size *= 2) {
    for (size_t i = 0; i < 2 * kCallsAtOnce; ++i) blocks.push_back(pool->Allocate(size));
  }
  return pool;
}

// A client and a server, each with a loop of its own, user code inline; or, of the client, on a pool.
class Allocations : public testing::TestWithParam<const char*> {
 protected:
  explicit Allocations(std::shared_ptr<Executor> clients = NewInlineExecutor()) : client_(std::move(clients)) {}

  struct Program {
    explicit Program(std::shared_ptr<Executor> user_code) : executor(std::move(user_code)) {
      ListenRainOptions options;
      options.loops = {loop};
      options.executor = executor;
      options.buffers = NewWarmPool();
      rain = *NewListenRain(std::move(options));
      protocol = *RegisterMessages(*rain);
    }
    std::shared_ptr<Loop> loop = NewUvLoop().value();
    const std::shared_ptr<Executor> executor;
    std::unique_ptr<ListenRain> rain;
    Protocol<Message> protocol;
  };

  void SetUp() override {
    if (RAIN_UNDER_SANITIZER) GTEST_SKIP() << "sanitizers have an allocator of their own";
    Router<Message> router;
    router.Otherwise([](Message message, CallContext, Responder<Message> responder) {
      if (!responder.Reply(message).ok()) std::abort();
    });
    router.On(kByCoroutine, [](Message message, CallContext) -> Task<absl::StatusOr<Message>> { co_return message; });
    auto listening = server_.rain->Listen(server_.protocol, GetParam(), std::move(router));
    ASSERT_TRUE(listening.ok()) << listening.status();
    listener_ = *std::move(listening);
    key_ = listener_.bound_key();
  }

  // Runs `calls(how many)` to warm up, then counted, in rounds until one makes none: small tables have the size that was ever
  // needed at once, which the threads' timing decides. So a round may find more, but not what grows with the calls. (A machine
  // that stood still does not count.)
  template <class Calls>
  void ExpectNone(Calls calls) {
    uint64_t made = 0;
    uint64_t bytes = 0;
    int fair = 0;
    for (int round = 0; round == 0 || (CountedAllocations::count() > 0 && fair < kFairRounds && round < kRounds); ++round) {
      calls(kWarmUp);
      heart_.Restart();
      CountedAllocations::Begin();
      calls(kCalls);
      CountedAllocations::End();
      made += kWarmUp + kCalls;
      if (heart_.stood_still()) continue;
      bytes += CountedAllocations::bytes();
      ++fair;
    }
    EXPECT_LE(bytes, kSmallTables);
    EXPECT_EQ(CountedAllocations::count(), 0u) << "the first one's stack is on standard error";
    CountedAllocations::PrintFirst();
    const Stats stats = client_.rain->StatsOf(client_.protocol);
    EXPECT_EQ(stats.replied, made);
    EXPECT_TRUE(stats.Balanced());
    EXPECT_EQ(stats.in_flight, 0u);
  }

  // Asks so many times, and waits each time.
  void Block(int calls) {
    for (int i = 0; i < calls; ++i) {
      if (!client_.rain->SyncSend(client_.protocol, key_, message_).ok()) std::abort();
      heart_.Beat();
    }
  }

  const Message message_ = Message::Text(7, "a small message");
  Program server_{NewInlineExecutor()};
  Program client_;
  Listener listener_;
  TransportKey key_;
  Heart heart_;
};

// Asks `calls` times, each reply's callback asking the next; `parallel` at once.
class Chain {
 public:
  Chain(ListenRain& rain, const Protocol<Message>& protocol, const TransportKey& key, Heart& heart, int64_t method = 7)
      : rain_(rain), protocol_(protocol), key_(key), heart_(heart), message_(Message::Text(method, "a small message")) {}

  void Run(int calls, int parallel) {
    left_ = calls;
    running_ = parallel;
    Signal over;
    over_ = &over;
    for (int i = 0; i < parallel; ++i) Next();
    over.Wait();
  }

 private:
  void Next() {
    if (left_.fetch_sub(1) <= 0) {
      if (running_.fetch_sub(1) == 1) over_->Raise();
      return;
    }
    const absl::Status status = rain_.Send(protocol_, key_, message_, Callback<Message>([this](absl::StatusOr<Message> reply) {
                                             if (!reply.ok()) std::abort();
                                             heart_.Beat();
                                             Next();
                                           }));
    if (!status.ok()) std::abort();
  }

  ListenRain& rain_;
  const Protocol<Message>& protocol_;
  const TransportKey& key_;
  Heart& heart_;
  const Message message_;
  std::atomic<int> left_{0};
  std::atomic<int> running_{0};
  Signal* over_ = nullptr;
};

TEST_P(Allocations, CallsWithCallbacksMakeNone) {
  Chain chain(*client_.rain, client_.protocol, key_, heart_);
  ExpectNone([&](int calls) { chain.Run(calls, calls == kWarmUp ? 64 : 16); });
}

TEST_P(Allocations, CallsServedByCoroutinesMakeNone) {
  Chain chain(*client_.rain, client_.protocol, key_, heart_, kByCoroutine);
  ExpectNone([&](int calls) { chain.Run(calls, calls == kWarmUp ? 64 : 16); });
}

// Asks `calls` times, one after another.
Task<> AskInTurn(TransportHandle<Message> server, const Message& message, int calls, Heart& heart) {
  for (int i = 0; i < calls; ++i) {
    const absl::StatusOr<Message> reply = co_await server.CoSend(message);
    if (!reply.ok()) std::abort();
    heart.Beat();
  }
}

Task<> AskInTurn(TransportHandle<Message> server, const Message& message, int calls, Heart& heart, Signal& over) {
  co_await AskInTurn(std::move(server), message, calls, heart);
  over.Raise();
}

// Their frames are made and end on the loop's thread, which keeps them for the next.
TEST_P(Allocations, CallsByCoroutinesMakeNone) {
  const Message message = Message::Text(7, "a small message");
  const TransportHandle<Message> server = *client_.rain->Open(client_.protocol, key_);
  ExpectNone([&](int calls) {
    Signal over;
    const int parallel = calls == kWarmUp ? 50 : 16;
    const auto begin = [&] {
      for (int i = 0; i < parallel; ++i) Spawn(*client_.executor, AskInTurn(server, message, calls / parallel, heart_, over));
    };
    client_.loop->Run([&begin] { begin(); });
    over.Wait(parallel);
  });
}

TEST_P(Allocations, BlockingCallsMakeNone) {
  ExpectNone([this](int calls) { Block(calls); });
}

// Where no user code runs on the loop, the thread that waits drives it.
class DrivenAllocations : public Allocations {
 protected:
  DrivenAllocations() : Allocations(NewThreadPool({.threads = 1})) {}
};

TEST_P(DrivenAllocations, BlockingCallsMakeNone) {
  ExpectNone([this](int calls) { Block(calls); });
}

std::string NameOf(const testing::TestParamInfo<const char*>& on) { return {on.param, std::string(on.param).find(':')}; }

const auto kKeys = testing::Values("tcp://127.0.0.1:0", "inproc://allocations");

INSTANTIATE_TEST_SUITE_P(On, Allocations, kKeys, NameOf);
INSTANTIATE_TEST_SUITE_P(On, DrivenAllocations, kKeys, NameOf);

// The tables that calls need are made by the first ones, and kept while there is traffic. (Where handlers run on an executor,
// what was asked is in one until it is answered.)
class IdleAllocations : public EngineFixture {
 protected:
  IdleAllocations() : IdleAllocations(std::make_shared<ManualExecutor>()) {}

  uint64_t Count() {
    CountedAllocations::Begin();
    EXPECT_TRUE(rain_->Send(protocol_, key_, message_, Callback<Message>([](const auto&) {})).ok());
    bool settled = loop_->RunUntilIdle();
    while (executor_->RunAll() > 0) settled &= loop_->RunUntilIdle();
    CountedAllocations::End();
    EXPECT_TRUE(settled);
    return CountedAllocations::count();
  }

  const std::shared_ptr<ManualExecutor> executor_;
  const Message message_ = Message::Text(7, "a small message");
  const Protocol<Message> protocol_ = Register(MessagesSpec("echo"));
  const TransportKey key_{"inproc://silence"};

 private:
  explicit IdleAllocations(const std::shared_ptr<ManualExecutor>& executor) : EngineFixture(executor), executor_(executor) {}
};

TEST_F(IdleAllocations, ATransportThatWasSilentForASecondHasGivenItsTablesBack) {
  if (RAIN_UNDER_SANITIZER) GTEST_SKIP() << "sanitizers have an allocator of their own";
  ServeEcho(protocol_, key_.text());
  for (int i = 0; i < 100; ++i) Count();
  EXPECT_EQ(Count(), 0u);
  loop_->Advance(absl::Milliseconds(900));
  EXPECT_EQ(Count(), 0u);
  loop_->Advance(absl::Seconds(3));
  EXPECT_GT(Count(), 0u);
  EXPECT_EQ(Count(), 0u);
}

}  // namespace
}  // namespace rain
