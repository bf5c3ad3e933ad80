// What threads may do to each other in the engine. Most of it shows only under ThreadSanitizer, or as an outcome that never
// comes.
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/scale.h"
#include "listenrain/transports/inproc.h"

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
    rain_ = NewListenRain(std::move(options)).value();
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
  const int rounds = static_cast<int>(Scaled(2000, 300, 20000));
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
  const size_t posts = static_cast<size_t>(Scaled(20000, 5000, 60000));
  for (size_t i = 0; i < posts; ++i) ASSERT_TRUE(transport.Post(Message::Text("news")).ok());
  handled.Await(posts);
  EXPECT_EQ(rain_->StatsOf(serving).posts_received, posts);
}

// Nobody but the outcomes holds the engine any more, and other threads tell them.
TEST(EngineEnd, TheLastOutcomesMayOutliveTheListenRainOnItsLoop) {
  const auto executor = NewThreadPool({.threads = 2});
  const int64_t rounds = Scaled(100, 30, 2000);
  for (int64_t round = 0; round < rounds; ++round) {
    const auto loop = std::make_shared<ManualLoop>();
    ListenRainOptions options;
    options.loop = loop;
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
  }
}

}  // namespace
}  // namespace rain
