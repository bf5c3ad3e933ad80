// A narrow queue among threads: a waiter that is forgotten shows as a test that hangs, one that is told twice as a crash.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/framework/handover.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://narrow-among-threads";
constexpr int kThreads = 6;

class RoomRace : public testing::Test {
 protected:
  RoomRace() {
    ProtocolSpec<Message> spec;
    spec.name = "narrow";
    spec.message_codec = NewCompactCodec();
    spec.limits.window_requests = 2;
    spec.limits.max_queued_packets = 3;
    protocol_ = rain_->Register(std::move(spec)).value();
    Router<Message> router;
    router.Otherwise([](Message message, CallContext, Responder<Message> responder) { responder.Reply(message).IgnoreError(); });
    listener_ = std::make_unique<Listener>(rain_->Listen(protocol_, kKey, std::move(router)).value());
    transport_ = std::make_unique<TransportHandle<Message>>(rain_->Open(protocol_, kKey).value());
  }

  template <class Body>
  void InThreads(Body body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([&body, i] { body(i); });
    for (std::thread& thread : threads) thread.join();
  }
  void ExpectNothingIsHeld() {
    const Stats stats = rain_->StatsOf(protocol_);
    EXPECT_TRUE(stats.Balanced());
    EXPECT_EQ(stats.in_flight, 0u);
    EXPECT_EQ(transport_->box().budget().waiting(), 0u);
  }

  std::unique_ptr<ListenRain> rain_ = NewListenRain().value();
  Protocol<Message> protocol_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<TransportHandle<Message>> transport_;
};

TEST_F(RoomRace, BlockingCallersAllHaveTheirTurn) {
  const int64_t calls = Scaled(2000, 500, 50000);
  InThreads([&](int thread) {
    const Message message = Message::Text(std::string(static_cast<size_t>(thread), 'x'));
    for (int64_t i = 0; i < calls; ++i) {
      const auto reply = transport_->SyncSend(message, {.timeout = absl::Seconds(60), .on_overflow = Overflow::wait});
      ASSERT_TRUE(reply.ok()) << reply.status();
    }
  });
  ExpectNothingIsHeld();
  EXPECT_GT(rain_->StatsOf(protocol_).waited, 0u);
}

TEST_F(RoomRace, WhoIsToldOfRoomIsNeverForgotten) {
  const int64_t calls = Scaled(1000, 300, 20000);
  std::atomic<int64_t> replied{0};
  Handover<int> all;
  InThreads([&](int) {
    for (int64_t sent = 0; sent < calls;) {
      const absl::Status status = transport_->Send(Message::Text("?"), [&](absl::StatusOr<Message> reply) {
        EXPECT_TRUE(reply.ok()) << reply.status();
        if (++replied == calls * kThreads) all.Put(0);
      });
      sent += status.ok() ? 1 : 0;
      if (status.ok()) continue;
      ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;
      Handover<int> room;
      transport_->WhenRoom([&room] { room.Put(0); });
      room.Take();
    }
  });
  all.Take();
  ExpectNothingIsHeld();
}

// Deadlines, cancellations, refusals, waiters and, in the end, Stop.
TEST_F(RoomRace, EveryoneHasOneOutcomeWhateverComesFirst) {
  const int64_t calls = Scaled(1500, 300, 30000);
  std::atomic<int64_t> accepted{0};
  std::atomic<int64_t> told{0};
  std::atomic<int> begun{0};
  std::thread stopper([&] {
    while (begun < kThreads * calls / 2) std::this_thread::yield();
    rain_->Stop();
  });
  InThreads([&](int thread) {
    std::vector<Cancellation> cancellations(16);
    for (int64_t i = 0; i < calls; ++i, ++begun) {
      Cancellation& cancellation = cancellations[static_cast<size_t>(i) % cancellations.size()];
      cancellation.Cancel();  // what this one was for before
      SendOptions options;
      options.timeout = i % 5 == 0 ? absl::Microseconds(100) : absl::Seconds(60);
      options.on_overflow = (i + thread) % 7 == 0 ? Overflow::fail : Overflow::wait;
      options.cancellation = i % 3 == 0 ? &cancellation : nullptr;
      if (i % 4 == 0) {
        (void)transport_->SyncSend(Message::Text("?"), options);
        continue;
      }
      accepted += transport_
                          ->Send(
                              Message::Text("?"), [&](absl::StatusOr<Message>) { ++told; }, options)
                          .ok()
                      ? 1
                      : 0;
    }
  });
  stopper.join();
  while (told < accepted) std::this_thread::yield();
  ExpectNothingIsHeld();
  listener_.reset();
  transport_.reset();
  rain_.reset();
  EXPECT_EQ(told, accepted);
}

}  // namespace
}  // namespace rain
