// Everything at once: ten connections over four loops, of all three transports, between two programs in one process, whose users
// run on pools of four threads: calls of every kind, pushes, cancellations, short deadlines, and connections that are cut.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/faults/sanitizers_test.h"
#include "listenrain/testing/faults/signal_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

constexpr int kCallers = 6;

// Bytes that say what they must be.
std::string BodyOf(uint64_t seed, size_t size) {
  std::string body(size, '\0');
  for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>(seed + i * 7);
  return body;
}

std::unique_ptr<ListenRain> NewRain() {
  ListenRainOptions options;
  options.loop_threads = 4;
  options.executor = NewThreadPool({.threads = 4});
  return NewListenRain(std::move(options)).value();
}

// How calls ended. Thread: any.
class Tally {
 public:
  void Begin() { ++begun_; }
  // `body` is what a reply must hold.
  void End(const absl::StatusOr<Message>& outcome, const std::string& body) {
    if (outcome.ok()) {
      ++replied_;
      if (outcome->text() != body) ++wrong_;
    } else if (!Allowed(outcome.status())) {
      MutexLock lock(mutex_);
      surprise_ = outcome.status().ToString();
    }
    ++ended_;
  }
  uint64_t begun() const { return begun_; }
  uint64_t ended() const { return ended_; }
  uint64_t replied() const { return replied_; }
  uint64_t wrong() const { return wrong_; }
  std::string surprise() const {
    MutexLock lock(mutex_);
    return surprise_;
  }

 private:
  static bool Allowed(const absl::Status& why) {
    if (absl::IsInternal(why)) return absl::StrContains(why.message(), "dropped the request unanswered");
    return absl::IsUnavailable(why) || absl::IsCancelled(why) || absl::IsDeadlineExceeded(why) || absl::IsResourceExhausted(why);
  }
  std::atomic<uint64_t> begun_{0};
  std::atomic<uint64_t> ended_{0};
  std::atomic<uint64_t> replied_{0};
  std::atomic<uint64_t> wrong_{0};
  mutable Mutex mutex_;
  std::string surprise_ ABSL_GUARDED_BY(mutex_);
};

// Answers with what it was asked: at once, later from another thread, by a coroutine, or not at all; and asks the asker.
Router<Message> Service(const Protocol<Message>& protocol, Executor& later) {
  Router<Message> router;
  router.On("now", [](Message message, CallContext, Responder<Message> responder) { (void)responder.Reply(message); });
  router.On("later", [&later](Message message, CallContext, Responder<Message> responder) {
    later.Run([message = std::move(message), responder = std::move(responder)]() mutable { (void)responder.Reply(message); });
  });
  router.On("task", [](Message message, CallContext) -> Task<absl::StatusOr<Message>> { co_return message; });
  router.On("back", [protocol](Message message, CallContext context) -> Task<absl::StatusOr<Message>> {
    const TransportHandle<Message> back(protocol, context.connection());
    co_return co_await back.CoSend(Message::Text("client", message.text()));
  });
  router.On("drop", [](Message, CallContext, Responder<Message>) {});
  router.OnConnect([](const Connection& connection) { connection.SetSession(std::make_shared<int>(1)); });
  router.OnDisconnect([](const Connection&, const absl::Status&) {});
  return router;
}

class Caller {
 public:
  Caller(ListenRain& rain, Executor& executor, const Protocol<Message>& protocol, std::vector<TransportKey> keys, Tally& tally,
         uint32_t seed)
      : rain_(rain), executor_(executor), protocol_(protocol), keys_(std::move(keys)), tally_(tally), chance_(seed) {}

  void CallUntil(std::chrono::steady_clock::time_point end) {
    while (std::chrono::steady_clock::now() < end) Call();
  }

 private:
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(chance_() % bound); }

  void Call() {
    while (tally_.begun() - tally_.ended() > 500) std::this_thread::yield();
    static constexpr const char* kAnswered[] = {"now", "later", "task", "back"};
    const bool dropped = Below(10) == 0;
    const char* method = dropped ? "drop" : kAnswered[Below(4)];
    const std::string body = BodyOf(Below(256), Below(20) == 0 ? Below(200'000) : Below(200));
    const TransportKey& key = keys_[Below(static_cast<uint32_t>(keys_.size()))];
    SendOptions options;
    options.timeout = Below(20) == 0 ? absl::Microseconds(Below(2000)) : absl::Seconds(20);
    if (dropped) options.timeout = absl::Milliseconds(1 + Below(20));
    options.idempotent = Below(2) == 0;
    options.wait_for_ready = Below(2) == 0;
    options.priority = static_cast<int>(Below(3));
    const Message message = Message::Text(method, body);
    switch (Below(5)) {
      case 0:
        tally_.Begin();
        return tally_.End(rain_.SyncSend(protocol_, key, message, options), body);
      case 1:
        tally_.Begin();
        return Spawn(executor_, Await(rain_, protocol_, key, method, body, options, tally_));
      case 2:
        (void)rain_.Post(protocol_, key, message);
        return;
      default:
        return Send(key, message, options, body);
    }
  }

  void Send(const TransportKey& key, const Message& message, SendOptions options, const std::string& body) {
    const auto cancellation = std::make_shared<Cancellation>();
    if (Below(10) == 0) options.cancellation = cancellation.get();
    tally_.Begin();
    const absl::Status sent = rain_.Send(
        protocol_, key, message, [&tally = tally_, body, cancellation](absl::StatusOr<Message> reply) { tally.End(reply, body); },
        options);
    if (!sent.ok()) tally_.End(sent, body);
    if (options.cancellation != nullptr) cancellation->Cancel();
  }

  static Task<> Await(ListenRain& rain, Protocol<Message> protocol, TransportKey key, const char* method, std::string body,
                      SendOptions options, Tally& tally) {
    const Message message = Message::Text(method, body);
    tally.End(co_await rain.CoSend(protocol, key, message, options), body);
  }

  ListenRain& rain_;
  Executor& executor_;
  const Protocol<Message> protocol_;
  const std::vector<TransportKey> keys_;
  Tally& tally_;
  std::mt19937 chance_;
};

TEST(Mix, EverythingAtOnce) {
  const auto server = NewRain();
  const auto client = NewRain();
  const auto later = NewThreadPool({.threads = 2});
  const auto tasks = NewThreadPool({.threads = 2});
  ProtocolSpec<Message> served;
  served.name = "served";
  served.message_codec = NewCompactCodec();
  served.keepalive = absl::Seconds(5);
  const auto server_protocol = server->Register(std::move(served)).value();
  std::vector<Listener> listeners;
  std::vector<TransportKey> keys;
  for (const char* key : {"tcp://127.0.0.1:0", "unix:@listenrain-mix", "inproc://mix"}) {
    const std::string own = absl::StrCat(key, absl::StartsWith(key, "tcp") ? "" : absl::StrCat("-", ::getpid()));
    listeners.push_back(server->Listen(server_protocol, own, Service(server_protocol, *later)).value());
    keys.push_back(listeners.back().bound_key());
  }
  ProtocolSpec<Message> asking;
  asking.name = "asking";
  asking.message_codec = NewCompactCodec();
  asking.queue = NewPriorityQueue;
  asking.pool = {.channels_per_key = 4, .max_idle = absl::Milliseconds(500)};  // ten, about: to tcp and unix four, within 2
  asking.keepalive = absl::Seconds(5);
  asking.limits.window_requests = 64;
  asking.limits.max_queued_packets = 1000;
  asking.router.On("client", [](Message message, CallContext, Responder<Message> responder) { (void)responder.Reply(message); });
  asking.router.On("push", [](Message, CallContext, Responder<Message>) {});
  const auto protocol = client->Register(std::move(asking)).value();

  const int64_t milliseconds = Scaled(1500, 3000, RAIN_UNDER_SANITIZER ? 600'000 : 60'000);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  Tally tally;
  std::atomic<size_t> most_connections{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kCallers; ++i) {
    threads.emplace_back([&, i] { Caller(*client, *tasks, protocol, keys, tally, i).CallUntil(end); });
  }
  threads.emplace_back([&] {
    std::mt19937 chance(99);
    while (std::chrono::steady_clock::now() < end) {
      size_t connections = 0;
      for (const Listener& listener : listeners) {
        const std::vector<Connection> all = listener.connections();
        connections += all.size();
        PostToAll(server_protocol, all, Message::Text("push", "to all"));
        if (!all.empty() && chance() % 64 == 0) all[chance() % all.size()].Close(absl::UnavailableError("cut"));
      }
      most_connections = std::max<size_t>(most_connections, connections);
      (void)client->Transports();
      (void)client->StatsOf(protocol);
      for (int i = 0; i < 50; ++i) (void)client->SyncSend(protocol, keys[0], Message::Text("now", "paces"));
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(Eventually([&] { return tally.ended() == tally.begun(); }))
      << tally.begun() - tally.ended() << " calls have no outcome";
  std::printf("%llu calls, %llu of them answered; %zu connections at most\n", static_cast<unsigned long long>(tally.begun()),
              static_cast<unsigned long long>(tally.replied()), most_connections.load());
  EXPECT_EQ(tally.wrong(), 0u);
  EXPECT_EQ(tally.surprise(), "");
  EXPECT_GT(tally.replied(), 0u);
  EXPECT_GE(most_connections.load(), 4u);
  EXPECT_TRUE(Eventually([&] { return client->StatsOf(protocol).in_flight == 0; }));
  server->Drain(absl::Seconds(5));
  client->Stop();
  EXPECT_TRUE(client->StatsOf(protocol).Balanced());
  EXPECT_TRUE(server->StatsOf(server_protocol).Balanced());
}

}  // namespace
}  // namespace rain
