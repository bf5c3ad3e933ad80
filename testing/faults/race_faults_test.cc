// A call can end in five ways. They come in every order, and all at once: one of them ends it, the others find it ended.
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/executors/thread_pool.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/scale.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

enum class End { cancel, reply, timeout, close, destruction };
constexpr std::array kEnds{End::cancel, End::reply, End::timeout, End::close, End::destruction};

// What scenes share, so that a scene costs no threads.
struct Stage {
  std::shared_ptr<Loop> server_loop = NewUvLoop().value();
  std::shared_ptr<Loop> client_loop = NewUvLoop().value();
  std::shared_ptr<Executor> executor = NewThreadPool({.threads = 2});
  std::vector<TransportScheme> schemes;
};

// A server that answers when it is told to, and calls to it of every kind: with a callback; one that may be sent twice; one
// that blocks. Thread: the test's, but for Do.
class Scene {
 public:
  Scene(const Stage& stage, const TransportKey& key, absl::Duration timeout)
      : client_loop_(*stage.client_loop),
        server_(NewRain(stage, stage.server_loop)),
        client_(NewRain(stage, stage.client_loop)),
        protocol_(RegisterMessages(*client_).value()) {
    Router<Message> router;
    router.Otherwise([this](Message message, CallContext, Responder<Message> responder) {
      MutexLock lock(mutex_);
      asked_.emplace_back(std::move(message), std::move(responder));
    });
    listener_ = server_->Listen(RegisterMessages(*server_).value(), key, std::move(router)).value();
    const auto transport = client_->Open(protocol_, listener_.bound_key()).value();
    deadline_ = absl::Now() + timeout;
    EXPECT_TRUE(outcomes_.Ask(transport, Message::Text("?"), {.timeout = timeout, .cancellation = &cancellations_[0]}).ok());
    EXPECT_TRUE(outcomes_
                    .Ask(transport, Message::Text("??"),
                         {.timeout = timeout, .idempotent = true, .wait_for_ready = true, .cancellation = &cancellations_[1]})
                    .ok());
    blocked_ = std::thread([this, transport, timeout] {
      blocked_outcome_ = transport.SyncSend(Message::Text("???"), {.timeout = timeout, .cancellation = &cancellations_[2]});
    });
  }

  // The server was asked, or something came first.
  void AwaitHandlers() {
    EXPECT_TRUE(Eventually([this] {
      MutexLock lock(mutex_);
      return asked_.size() >= kCalls || outcomes_.ended() > 0;
    }));
  }

  void AwaitAnEnd() {
    EXPECT_TRUE(Eventually([this] { return outcomes_.ended() > 0; }));
  }

  // Each once. Thread: any, several at once.
  void Do(End end) {
    switch (end) {
      case End::cancel:
        for (Cancellation& each : cancellations_) each.Cancel();
        return;
      case End::reply:
        return Reply();
      case End::timeout:
        EXPECT_TRUE(Eventually([this] { return absl::Now() > deadline_; }));
        return OnLoop(client_loop_, [] {});
      case End::close:
        return listener_.Stop();
      case End::destruction:
        client_->Stop();  // what the destructor does; the accounts are final now
        stats_ = client_->StatsOf(protocol_);
        return client_.reset();
    }
  }

  // After all five: each call has ended once.
  void Check() {
    blocked_.join();
    outcomes_.Wait();
    EXPECT_EQ(outcomes_.ended(), 2);
    EXPECT_TRUE(stats_.Balanced());
    EXPECT_EQ(stats_.in_flight, 0u);
    EXPECT_LE(stats_.started, kCalls);
    EXPECT_GE(stats_.started, kCalls - 1) << "the blocking one may be refused, if it comes last";
    EXPECT_EQ(stats_.channels_opened, stats_.channels_closed);
    EXPECT_GE(stats_.replied, static_cast<uint64_t>(outcomes_.replied()));
    server_->Stop();
  }

  const Stats& stats() const { return stats_; }

 private:
  static constexpr size_t kCalls = 3;

  static std::unique_ptr<ListenRain> NewRain(const Stage& stage, const std::shared_ptr<Loop>& loop) {
    return NewListenRain({.loops = {loop}, .executor = stage.executor, .schemes = stage.schemes}).value();
  }
  void Reply() {
    std::vector<std::pair<Message, Responder<Message>>> asked;
    {
      MutexLock lock(mutex_);
      asked.swap(asked_);
    }
    for (auto& [message, responder] : asked) (void)responder.Reply(message);  // UNAVAILABLE, if the caller is gone
  }

  Loop& client_loop_;
  Mutex mutex_;
  std::vector<std::pair<Message, Responder<Message>>> asked_ ABSL_GUARDED_BY(mutex_);
  Outcomes outcomes_;
  std::array<Cancellation, kCalls> cancellations_;
  absl::Time deadline_;
  std::thread blocked_;
  absl::StatusOr<Message> blocked_outcome_ = absl::UnknownError("not told");
  const std::unique_ptr<ListenRain> server_;
  std::unique_ptr<ListenRain> client_;
  const Protocol<Message> protocol_;
  Listener listener_;
  Stats stats_;
};

class RaceFaults : public EveryTransport {
 protected:
  void SetUp() override {
    EveryTransport::SetUp();
    stage_.emplace();
    stage_->schemes = Schemes();
  }
  void TearDown() override {
    for (const auto& loop : {&stage_->server_loop, &stage_->client_loop}) {
      EXPECT_TRUE(Eventually([&] { return loop->use_count() == 1; })) << "something still lives there";
    }
    stage_.reset();
    EveryTransport::TearDown();
  }
  // What has ended so far, over all scenes.
  void Add(const Stats& stats) {
    total_.replied += stats.replied;
    total_.cancelled += stats.cancelled;
    total_.timed_out += stats.timed_out;
    total_.failed += stats.failed;
  }
  void ExpectEveryEnd() {
    EXPECT_GT(total_.replied, 0u);
    EXPECT_GT(total_.cancelled, 0u);
    EXPECT_GT(total_.timed_out, 0u);
    EXPECT_GT(total_.failed, 0u);
  }

  std::optional<Stage> stage_;
  Stats total_;
};

TEST_P(RaceFaults, InEveryOrderEachCallEndsOnce) {
  for (const bool one_by_one : {true, false}) {
    auto order = kEnds;
    do {
      Scene scene(*stage_, FreshKey(), order[0] == End::timeout ? absl::Milliseconds(2) : absl::Milliseconds(8));
      if (order[0] != End::timeout) scene.AwaitHandlers();
      for (const End end : order) {
        scene.Do(end);
        if (one_by_one) scene.AwaitAnEnd();  // the other ways come too late
      }
      scene.Check();
      Add(scene.stats());
    } while (std::next_permutation(order.begin(), order.end()));
  }
  ExpectEveryEnd();
}

TEST_P(RaceFaults, AllAtOnceEachCallEndsOnce) {
  const auto rounds = static_cast<uint32_t>(Scaled(100, 40, 5000));
  for (uint32_t round = 0; round < rounds; ++round) {
    Scene scene(*stage_, FreshKey(), absl::Milliseconds(1 + round % 4));
    if (round % 2 == 0) scene.AwaitHandlers();
    std::vector<std::thread> threads;
    for (const End end : kEnds) {
      threads.emplace_back([&scene, end, round] {
        std::minstd_rand chance(round * 8 + static_cast<uint32_t>(end));
        for (auto yields = chance() % 64; yields > 0; --yields) std::this_thread::yield();
        scene.Do(end);
      });
    }
    for (std::thread& thread : threads) thread.join();
    scene.Check();
  }
}

RAIN_ON_EVERY_TRANSPORT(RaceFaults);

}  // namespace
}  // namespace rain
