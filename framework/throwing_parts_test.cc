// Parts of users that throw or make nothing, where a channel is to be made: an error for those concerned, and for nobody else.
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/framework/transport.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

class ThrowingGenerator final : public ChannelGenerator {
 public:
  void Next(Loop&, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>) override {
    throw std::runtime_error("no channels today");
  }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return std::nullopt; }
  TransportKey bound_key() const override { return "throwing://bound"; }
};

// Makes no channel, and does not say when to try again.
class ThrowingRetry final : public ChannelGenerator {
 public:
  void Next(Loop& loop, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&> done) override {
    loop.Run([done = std::move(done)]() mutable { std::move(done)(absl::UnavailableError("not now")); });
  }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override {
    throw std::runtime_error("never ask");
  }
  TransportKey bound_key() const override { return "throwing://bound"; }
};

// Connects to one peer after another; in between it is asked for a better one, and throws.
class ThrowingReview final : public ChannelGenerator {
 public:
  explicit ThrowingReview(std::vector<std::shared_ptr<ScriptedPeer>> peers) : peers_(std::move(peers)) {}
  void Next(Loop& loop, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&> done) override {
    if (asked_++ % 2 == 1) throw std::runtime_error("no review today");
    loop.Run(
        [peer = peers_.at(next_++), done = std::move(done)]() mutable { std::move(done)(NewScriptedChannel(std::move(peer))); });
  }
  std::optional<absl::Duration> ReviewAfter() override { return absl::Milliseconds(20); }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return absl::Milliseconds(5); }
  TransportKey bound_key() const override { return "throwing://bound"; }

 private:
  const std::vector<std::shared_ptr<ScriptedPeer>> peers_;
  int asked_ = 0;
  size_t next_ = 0;
};

// Connects, and does not say when to look for a better one.
class ThrowingReviewAfter final : public ChannelGenerator {
 public:
  explicit ThrowingReviewAfter(std::shared_ptr<ScriptedPeer> peer) : peer_(std::move(peer)) {}
  void Next(Loop& loop, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&> done) override {
    loop.Run([peer = peer_, done = std::move(done)]() mutable { std::move(done)(NewScriptedChannel(std::move(peer))); });
  }
  std::optional<absl::Duration> ReviewAfter() override { throw std::runtime_error("never ask"); }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return std::nullopt; }
  TransportKey bound_key() const override { return "throwing://bound"; }

 private:
  const std::shared_ptr<ScriptedPeer> peer_;
};

// Listens, and does not say where.
class ThrowingBoundKey final : public ChannelGenerator {
 public:
  void Next(Loop&, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>) override {}
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return std::nullopt; }
  TransportKey bound_key() const override { throw std::runtime_error("nowhere"); }
};

// A queue that forgets how much it holds, once it is broken.
class ForgetfulQueue final : public Queue {
 public:
  explicit ForgetfulQueue(const bool& broken) : broken_(broken) {}
  void Push(Outgoing& outgoing) override { queue_->Push(outgoing); }
  void PushFront(Outgoing& outgoing) override { queue_->PushFront(outgoing); }
  Outgoing* Pop() override { return queue_->Pop(); }
  void Remove(Outgoing& outgoing) override { queue_->Remove(outgoing); }
  size_t size() const override { return broken_ ? throw std::runtime_error("how many?") : queue_->size(); }

 private:
  const bool& broken_;
  const std::unique_ptr<Queue> queue_ = NewFifoQueue();
};

class ThrowingPartsTest : public EngineFixture {
 protected:
  Protocol<Message> RegisterWith(TransportScheme::Factory factory) {
    auto spec = MessagesSpec("messages");
    spec.channels.push_back({"throwing", factory, factory});
    return Register(std::move(spec));
  }
  ~ThrowingPartsTest() override { SetLogSink({}); }
};

TEST_F(ThrowingPartsTest, AGeneratorThatThrowsEndsItsRequestsAndNoOthers) {
  const auto protocol = RegisterWith([](const TransportKey&) { return std::make_unique<ThrowingGenerator>(); });
  ServeEcho(protocol, "inproc://service");
  Outcome<Message> failed;
  Outcome<Message> other;
  std::thread sender([&] {  // both lie in the mailbox when the loop turns
    EXPECT_TRUE(rain_->Send(protocol, "throwing://x", Message::Text("?"), failed.callback()).ok());
    EXPECT_TRUE(rain_->Send(protocol, "inproc://service", Message::Text("?"), other.callback()).ok());
  });
  sender.join();
  Settle();
  ASSERT_EQ(failed.told, 1);
  EXPECT_TRUE(absl::IsInvalidArgument(failed.result.status())) << failed.result.status();
  EXPECT_TRUE(other.result.ok()) << other.result.status();
  ExpectBalanced(protocol);
}

TEST_F(ThrowingPartsTest, AReviewThatThrowsKeepsNobodyFromConnectingAgain) {
  int logged = 0;
  SetLogSink([&](Severity, absl::string_view, absl::string_view) { ++logged; });
  const std::vector peers{ScriptedPeer::Make(), ScriptedPeer::Make()};
  const auto protocol = RegisterWith([&](const TransportKey&) { return std::make_unique<ThrowingReview>(peers); });
  ASSERT_TRUE(rain_->Post(protocol, "throwing://x", Message::Text("?")).ok());
  Settle();
  loop_->Advance(absl::Milliseconds(20));
  Settle();
  EXPECT_EQ(logged, 1);
  peers[0]->Break(absl::UnavailableError("reset"));
  Settle();
  ASSERT_TRUE(rain_->Post(protocol, "throwing://x", Message::Text("?")).ok());
  loop_->Advance(absl::Milliseconds(5));
  Settle();
  EXPECT_EQ(peers[1]->taken(), peers[0]->taken());
}

TEST_F(ThrowingPartsTest, AListeningGeneratorThatThrowsListensNoMore) {
  std::string logged;
  SetLogSink([&](Severity, absl::string_view, absl::string_view text) { logged = std::string(text); });
  const auto protocol = RegisterWith([](const TransportKey&) { return std::make_unique<ThrowingGenerator>(); });
  auto listener = rain_->Listen(protocol, "throwing://x", Router<Message>());
  ASSERT_TRUE(listener.ok()) << listener.status();
  Settle();
  EXPECT_NE(logged.find("no channels today"), std::string::npos) << logged;
}

TEST_F(ThrowingPartsTest, AListeningGeneratorThatThrowsWhenItIsAskedToTryAgainListensNoMore) {
  std::vector<std::string> logged;
  SetLogSink([&](Severity, absl::string_view, absl::string_view text) { logged.emplace_back(text); });
  const auto protocol = RegisterWith([](const TransportKey&) { return std::make_unique<ThrowingRetry>(); });
  auto listener = rain_->Listen(protocol, "throwing://x", Router<Message>());
  ASSERT_TRUE(listener.ok()) << listener.status();
  Settle();
  ASSERT_EQ(logged.size(), 2u);
  EXPECT_NE(logged[0].find("never ask"), std::string::npos) << logged[0];
  EXPECT_NE(logged[1].find("not now; listening no more"), std::string::npos) << logged[1];
}

TEST_F(ThrowingPartsTest, ADialingGeneratorThatThrowsWhenItIsAskedToTryAgainIsGivenUp) {
  const auto protocol = RegisterWith([](const TransportKey&) { return std::make_unique<ThrowingRetry>(); });
  for (const char* key : {"throwing://x", "throwing://x,throwing://y"}) {
    Outcome<Message> outcome;
    ASSERT_TRUE(rain_->Send(protocol, key, Message::Text("?"), outcome.callback(), {.wait_for_ready = true}).ok());
    Settle();
    ASSERT_EQ(outcome.told, 1) << key;
    EXPECT_TRUE(absl::IsUnavailable(outcome.result.status())) << outcome.result.status();
  }
}

TEST_F(ThrowingPartsTest, AGeneratorThatThrowsWhenItIsAskedForAReviewIsAskedForNone) {
  const auto peer = ScriptedPeer::Make();
  const auto protocol = RegisterWith([&](const TransportKey&) { return std::make_unique<ThrowingReviewAfter>(peer); });
  ASSERT_TRUE(rain_->Post(protocol, "throwing://x", Message::Text("?")).ok());
  Settle();
  EXPECT_FALSE(peer->taken().empty());
  EXPECT_TRUE(loop_->timers().next().infinite());
}

TEST_F(ThrowingPartsTest, AListeningGeneratorThatThrowsWhenItIsAskedForItsKeyIsAnErrorAtOnce) {
  const auto protocol = RegisterWith([](const TransportKey&) { return std::make_unique<ThrowingBoundKey>(); });
  const absl::Status status = rain_->Listen(protocol, "throwing://x", Router<Message>()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

TEST_F(ThrowingPartsTest, AQueueThatThrowsWhereNobodyAsksForAnythingEndsItsTransport) {
  bool broken = false;
  const auto network = std::make_shared<ScriptedNetwork>();
  network->dials.retry_after = absl::Milliseconds(10);
  auto spec = MessagesSpec("messages");
  spec.channels.push_back(NewScriptedScheme(network));
  spec.queue = [&] { return std::make_unique<ForgetfulQueue>(broken); };
  spec.pool.max_idle = absl::Seconds(1);
  const auto protocol = Register(std::move(spec));
  const auto post = [&] {
    broken = false;
    const auto peer = ScriptedPeer::Make();
    network->dials.Connect(peer);
    EXPECT_TRUE(rain_->Post(protocol, "scripted://x", Message::Text("?")).ok());
    Settle();
    EXPECT_FALSE(peer->taken().empty());
    return peer;
  };
  const auto unused = post();
  broken = true;
  loop_->Advance(absl::Seconds(2));
  EXPECT_TRUE(unused->closed());
  EXPECT_TRUE(rain_->Transports().empty());

  post()->Break(absl::UnavailableError("reset"));
  Settle();
  EXPECT_EQ(rain_->Transports().size(), 1u);
  broken = true;
  loop_->Advance(absl::Milliseconds(10));
  EXPECT_TRUE(rain_->Transports().empty());

  const auto drained = post();
  broken = true;
  loop_->Run([this] { rain_->Drain(absl::Seconds(1)); });
  Settle();
  EXPECT_TRUE(drained->closed());
}

TEST_F(ThrowingPartsTest, ASchemeThatThrowsOrMakesNothingIsAnErrorAtOnce) {
  const auto protocol = RegisterWith([](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
    if (key.address() == "none") return nullptr;
    throw std::runtime_error("no such scheme");
  });
  Outcome<Message> outcome;
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Send(protocol, "throwing://x", Message::Text("?"), outcome.callback())));
  EXPECT_TRUE(absl::IsInternal(rain_->Send(protocol, "throwing://none", Message::Text("?"), outcome.callback())));
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Listen(protocol, "throwing://x", Router<Message>()).status()));
  EXPECT_TRUE(absl::IsInternal(rain_->Listen(protocol, "throwing://none", Router<Message>()).status()));
  EXPECT_EQ(outcome.told, 0);
}

TEST_F(ThrowingPartsTest, FactoriesThatMakeNothingAreFoundWhenTheirProtocolIsRegistered) {
  auto spec = MessagesSpec("queue");
  spec.queue = [] { return nullptr; };
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Register(std::move(spec)).status()));
  spec = MessagesSpec("stat machines");
  spec.stat_machines = [](const OutgoingPool&) -> std::unique_ptr<StatMachinePool> { throw std::runtime_error("none"); };
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Register(std::move(spec)).status()));
}

}  // namespace
}  // namespace rain
