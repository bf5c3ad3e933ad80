// What threads may do to each other in the engine. Most of it shows only under ThreadSanitizer, or as an outcome that never
// comes.
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/scale.h"
#include "listenrain/transports/inproc.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

// So many things happened.
class Tally {
 public:
  void Add() {
    MutexLock lock(mutex_);
    ++count_;
    changed_.SignalAll();
  }
  void Await(size_t count) {
    MutexLock lock(mutex_);
    while (count_ < count) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

class EngineRace : public testing::Test {
 protected:
  EngineRace() {
    ListenRainOptions options;
    options.schemes.push_back(NewInprocScheme());
    options.loops = {loop_};
    rain_ = NewListenRain(std::move(options)).value();
  }
  // This thread lets go of the loop last, and so joins its thread.
  ~EngineRace() override {
    rain_.reset();
    while (loop_.use_count() > 1) std::this_thread::yield();
  }
  Protocol<Message> Register(const char* name, const Limits& limits = {}) {
    ProtocolSpec<Message> spec;
    spec.name = name;
    spec.message_codec = NewCompactCodec();
    spec.limits = limits;
    return rain_->Register(std::move(spec)).value();
  }
  Listener Listen(const Protocol<Message>& protocol, Router<Message>::Handler handler) {
    Router<Message> router;
    router.Otherwise(std::move(handler));
    return rain_->Listen(protocol, kKey, std::move(router)).value();
  }

  static constexpr char kKey[] = "inproc://race";
  std::shared_ptr<Loop> loop_ = NewUvLoop().value();
  std::unique_ptr<ListenRain> rain_;
};

// The cancellation may come to the loop before the request does.
TEST_F(EngineRace, ACancellationThatOvertakesItsRequestIsNotLost) {
  const auto protocol = Register("silent");
  Mutex mutex;
  std::vector<Responder<Message>> kept;
  Listener listener = Listen(protocol, [&](Message, CallContext, Responder<Message> responder) {
    MutexLock lock(mutex);
    kept.push_back(std::move(responder));
  });
  auto transport = rain_->Open(protocol, kKey).value();
  const int rounds = static_cast<int>(Scaled(300, 100, 20000));
  for (int round = 0; round < rounds; ++round) {
    Cancellation cancellation;
    std::atomic<bool> told{false};
    absl::Status outcome;
    std::thread canceller([&] {
      while (!told) cancellation.Cancel();
    });
    const absl::Status sent = transport.Send(Message::Text("?"), Callback<Message>([&](absl::StatusOr<Message> reply) {
                                               outcome = reply.status();
                                               told = true;
                                             }),
                                             {.timeout = absl::Seconds(20), .cancellation = &cancellation});
    EXPECT_TRUE(sent.ok()) << sent;
    canceller.join();
    ASSERT_TRUE(absl::IsCancelled(outcome)) << outcome;
    MutexLock lock(mutex);
    kept.clear();  // so that the server's window never fills
  }
  listener.Stop();
  MutexLock lock(mutex);
  kept.clear();
}

// The handlers' threads ask for more as the loop stops reading.
TEST_F(EngineRace, AReadingThatOneWayMessagesStoppedGoesOn) {
  Limits few;
  few.max_queued_bytes = 2048;
  const auto serving = Register("serving", few);
  const auto posting = Register("posting");
  Tally handled;
  Listener listener = Listen(serving, [&](Message, CallContext, Responder<Message>) { handled.Add(); });
  auto transport = rain_->Open(posting, kKey).value();
  const size_t posts = static_cast<size_t>(Scaled(10000, 3000, 60000));
  for (size_t i = 0; i < posts; ++i) ASSERT_TRUE(transport.Post(Message::Text("news")).ok());
  handled.Await(posts);
  EXPECT_EQ(rain_->StatsOf(serving).posts_received, posts);
}

// A manual loop that does something first, the next time it is given a task.
class HookedLoop final : public Loop {
 public:
  void Run(absl::AnyInvocable<void() &&> task) override {
    if (before_next_task) std::exchange(before_next_task, nullptr)();
    manual.Run(std::move(task));
  }
  int concurrency() const override { return 1; }
  bool InLoop() const override { return manual.InLoop(); }
  const Clock& clock() const override { return manual.clock(); }
  Instant now() const override { return manual.now(); }
  uint64_t Random() override { return manual.Random(); }
  TimerHeap& timers() override { return manual.timers(); }
  void AtTurnEnd(TurnTask& task) override { manual.AtTurnEnd(task); }
  void InNextTurn(TurnTask& task) override { manual.InNextTurn(task); }
  bool RunTurn(Instant deadline) override { return manual.RunTurn(deadline); }

  ManualLoop manual;
  absl::AnyInvocable<void() &&> before_next_task;
};

// A thread has put a message into the mailbox, and not yet told the loop; another one sends, and cancels.
TEST(EngineOrder, ACancellationThatComesToTheLoopBeforeItsRequestIsNotLost) {
  const auto loop = std::make_shared<HookedLoop>();
  ListenRainOptions options;
  options.loops = {loop};
  options.executor = NewInlineExecutor();
  options.schemes.push_back(NewInprocScheme());
  const auto rain = NewListenRain(std::move(options)).value();
  const auto protocol = RegisterMessages(*rain).value();
  Router<Message> router;
  std::vector<Responder<Message>> kept;
  router.Otherwise([&kept](Message, CallContext, Responder<Message> responder) { kept.push_back(std::move(responder)); });
  Listener listener = rain->Listen(protocol, "inproc://silent", std::move(router)).value();
  auto transport = rain->Open(protocol, "inproc://silent").value();
  Cancellation cancellation;
  int told = 0;
  absl::Status outcome;
  loop->before_next_task = [&] {
    const auto callback = [&](absl::StatusOr<Message> reply) {
      ++told;
      outcome = reply.status();
    };
    EXPECT_TRUE(transport.Send(Message::Text("?"), Callback<Message>(callback), {.cancellation = &cancellation}).ok());
    cancellation.Cancel();
  };
  std::thread([&] { EXPECT_TRUE(transport.Post(Message::Text("first")).ok()); }).join();
  EXPECT_TRUE(loop->manual.RunUntilIdle());
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(absl::IsCancelled(outcome)) << outcome;
  EXPECT_TRUE(rain->StatsOf(protocol).Balanced());
  listener.Stop();
  rain->Stop();
  EXPECT_TRUE(loop->manual.RunUntilIdle());
}

// Another thread listens; what it asked of the loop is still to be done when the listener is at its end: the address is free
// then.
TEST(EngineOrder, AListenerThatHasNotBegunIsStoppedAndDrainedAllTheSame) {
  ListenRainOptions options;
  const auto loop = std::make_shared<ManualLoop>();
  options.loops = {loop};
  options.executor = NewInlineExecutor();
  options.schemes.push_back(NewInprocScheme());
  const auto rain = NewListenRain(std::move(options)).value();
  const auto protocol = RegisterMessages(*rain).value();
  const auto listen = [&] { return rain->Listen(protocol, "inproc://brief", Router<Message>()); };
  absl::StatusOr<Listener> stopped, drained, free;
  std::thread([&] { stopped = listen(); }).join();
  stopped->Stop();
  EXPECT_TRUE(loop->RunUntilIdle());
  std::thread([&] { drained = listen(); }).join();
  ASSERT_TRUE(drained.ok()) << drained.status();
  drained->DrainThen(absl::Seconds(1), [&](DrainReport) { free = listen(); });
  EXPECT_TRUE(loop->RunUntilIdle());
  EXPECT_TRUE(free.ok()) << free.status();
  rain->Stop();
  EXPECT_TRUE(loop->RunUntilIdle());
}

// Nobody but the outcomes holds the engine any more, and other threads tell them.
TEST(EngineEnd, TheLastOutcomesMayOutliveTheListenRainOnItsLoop) {
  const auto executor = NewThreadPool({.threads = 2});
  const int64_t rounds = Scaled(100, 30, 2000);
  for (int64_t round = 0; round < rounds; ++round) {
    const auto loop = std::make_shared<ManualLoop>();
    ListenRainOptions options;
    options.loops = {loop};
    options.executor = executor;
    options.schemes.push_back(NewInprocScheme());
    auto rain = NewListenRain(std::move(options)).value();
    const auto protocol = RegisterMessages(*rain).value();
    Tally told;
    constexpr size_t kRequests = 3;
    for (size_t i = 0; i < kRequests; ++i) {
      const auto count = [&told](absl::StatusOr<Message> outcome) {
        EXPECT_TRUE(absl::IsCancelled(outcome.status())) << outcome.status();
        told.Add();
      };
      ASSERT_TRUE(rain->Send(protocol, "inproc://nobody", Message::Text("?"), Callback<Message>(count)).ok());
    }
    rain.reset();
    EXPECT_TRUE(loop->RunUntilIdle());
    told.Await(kRequests);
    while (loop.use_count() > 1) std::this_thread::yield();  // a manual loop ends where it was made
  }
}

}  // namespace
}  // namespace rain
