// Coroutines that ask, among threads. Most of it shows only under ThreadSanitizer and AddressSanitizer, or as an outcome that
// never comes.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/executors/serial_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/coroutine_parts_test.h"
#include "listenrain/framework/send_awaiter.h"
#include "listenrain/framework/sync_wait.h"
#include "listenrain/framework/when_all.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://race-of-coroutines";

class CoSendRace : public testing::Test {
 protected:
  CoSendRace() : rain_(NewListenRain().value()) {}

  Protocol<Message> Register(const char* name, std::shared_ptr<Executor> executor) {
    ProtocolSpec<Message> spec;
    spec.name = name;
    spec.message_codec = NewCompactCodec();
    spec.executor = std::move(executor);
    return rain_->Register(std::move(spec)).value();
  }

  std::unique_ptr<ListenRain> rain_;
};

// A row of coroutines on a serial executor, which also ends their frames: at any moment of their requests' lives, which go on on
// the loop meanwhile. Another thread cancels.
class Row {
 public:
  Row(const TransportHandle<Message>& server, std::shared_ptr<Executor> serial, int enough)
      : server_(server), serial_(std::move(serial)), enough_(enough) {}

  void Run() {
    std::thread canceller([this] {
      for (size_t i = 0; !over_; ++i) cancellations_[i % kWidth].Cancel();
    });
    Handover<int> done;
    done_ = &done;
    serial_->Run([this] { Step(); });
    done.Take();
    over_ = true;
    canceller.join();
  }

 private:
  static constexpr size_t kWidth = 16;

  Task<> AskOnAndOn(size_t place, TransportHandle<Message> server) {
    Alive alive(alive_);
    const std::string text(64, static_cast<char>('a' + place));
    for (;;) {
      const absl::Duration timeout = place % 4 == 0 ? absl::Microseconds(200) : absl::Seconds(20);
      Cancellation* cancellation = place % 4 == 1 ? &cancellations_[place] : nullptr;
      const absl::StatusOr<Message> reply =
          co_await server.CoSend(Message::Text(text), {.timeout = timeout, .cancellation = cancellation});
      if (!reply.ok()) continue;
      EXPECT_EQ(reply->text(), text);
      ++replies_;
    }
  }

  // Ends a frame or two, or none, and begins others in their places, until enough replies came and enough frames ended.
  void Step() {
    if (replies_ >= enough_ && ended_ >= enough_) {
      for (auto& coroutine : row_) coroutine.reset();
      EXPECT_EQ(alive_, 0);
      return done_->Put(0);
    }
    for (int i = 0; i < 2; ++i) {
      const size_t place = chance_() % (4 * kWidth);
      if (place >= kWidth) continue;
      row_[place].reset();
      row_[place].emplace(AskOnAndOn(place, server_));
      ++ended_;
    }
    serial_->Run([this] { Step(); });
  }

  TransportHandle<Message> server_;
  const std::shared_ptr<Executor> serial_;
  const int enough_;
  std::atomic<bool> over_{false};
  Handover<int>* done_ = nullptr;
  std::array<Cancellation, kWidth> cancellations_;
  std::array<std::optional<Begun>, kWidth> row_;
  std::minstd_rand chance_{7};
  int alive_ = 0;
  int ended_ = 0;
  int replies_ = 0;
};

TEST_F(CoSendRace, FramesEndAtAnyMomentOfTheirRequests) {
  const auto pool = NewThreadPool({.threads = 3});
  const std::shared_ptr<Executor> serial = NewSerialExecutor(pool).value();
  const auto asking = Register("asking", serial);
  Router<Message> router;
  router.Otherwise([](Message request, CallContext, Responder<Message> responder) { (void)responder.Reply(request); });
  const Listener listener = rain_->Listen(Register("serving", pool), kKey, std::move(router)).value();
  Row(rain_->Open(asking, kKey).value(), serial, static_cast<int>(Scaled(5'000, 500, 100'000))).Run();
  rain_->Stop();
  Handover<int> delivered;  // what was decided before is told before
  serial->Run([&delivered] { delivered.Put(0); });
  delivered.Take();
  const Stats stats = rain_->StatsOf(asking);
  EXPECT_TRUE(stats.Balanced());
  EXPECT_EQ(stats.in_flight, 0u);
  EXPECT_GT(stats.replied, 0u);
  EXPECT_GT(stats.cancelled, 0u);
}

// The reply may resume the coroutine, and end it with all that it holds, before the thread that asked is back from asking.
TEST_F(CoSendRace, TheReplyMayComeBeforeTheAskingIsOver) {
  const auto pool = NewThreadPool({.threads = 4});
  const auto echo = Register("echo", pool);
  Router<Message> router;
  router.Otherwise([](Message request, CallContext) -> Task<absl::StatusOr<Message>> { co_return request; });
  const Listener listener = rain_->Listen(echo, kKey, std::move(router)).value();
  const auto once = [&](int number) -> Task<absl::Status> {
    const absl::StatusOr<Message> reply = co_await rain_->CoSend(echo, kKey, Message::Text(std::to_string(number)));
    if (!reply.ok()) co_return reply.status();
    if (reply->text() != std::to_string(number)) co_return absl::InternalError("another's reply");
    co_return absl::OkStatus();
  };
  const int rounds = static_cast<int>(Scaled(1'000, 200, 50'000));
  for (int round = 0; round < rounds; ++round) {
    std::vector<Task<absl::Status>> several;
    for (int i = 0; i < 8; ++i) several.push_back(once(8 * round + i));
    const auto ended = SyncWait(WhenAll(std::move(several)));
    for (const absl::Status& status : *ended) ASSERT_TRUE(status.ok()) << status;
  }
}

// A whole ListenRain ends as soon as the last coroutine has, on whichever thread that is.
TEST_F(CoSendRace, EverythingMayEndOnceTheLastCoroutineHas) {
  const int rounds = static_cast<int>(Scaled(200, 50, 5'000));
  for (int round = 0; round < rounds; ++round) {
    auto rain = NewListenRain().value();
    const auto echo = RegisterMessages(*rain).value();
    Router<Message> router;
    router.Otherwise([](Message request, CallContext) -> Task<absl::StatusOr<Message>> { co_return request; });
    auto listener = std::make_optional(rain->Listen(echo, kKey, std::move(router)).value());
    const auto twice = [&]() -> Task<absl::Status> {
      TransportHandle<Message> server = rain->Open(echo, kKey).value();
      const absl::StatusOr<Message> first = co_await server.CoSend(Message::Text("first"));
      const absl::StatusOr<Message> second = co_await server.CoSend(Message::Text("second"));
      co_return first.ok() ? second.status() : first.status();
    };
    const absl::Status status = SyncWait(twice());
    ASSERT_TRUE(status.ok()) << status;
    listener.reset();
    rain.reset();
  }
}

}  // namespace
}  // namespace rain
