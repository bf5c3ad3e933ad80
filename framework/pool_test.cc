// Dialed transports: several to a key, ready or not, unused for long.
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/transport_pool.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

constexpr char kKey[] = "scripted://service";

class PoolTest : public EngineFixture {
 protected:
  PoolTest() { network_->dials.retry_after = absl::Milliseconds(10); }
  Protocol<Message> NewProtocol(const PoolOptions& pool) {
    auto spec = MessagesSpec("messages");
    spec.channels.push_back(NewScriptedScheme(network_));
    spec.pool = pool;
    return Register(std::move(spec));
  }
  std::shared_ptr<ScriptedPeer> Connect() {
    peers_.push_back(ScriptedPeer::Make());
    network_->dials.Connect(peers_.back());
    Settle();
    return peers_.back();
  }
  void Ask(const Protocol<Message>& protocol, int requests = 1, const SendOptions& options = {}) {
    for (int i = 0; i < requests; ++i) {
      outcomes_.push_back(std::make_unique<Outcome<Message>>());
      ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("?"), outcomes_.back()->callback(), options).ok());
      Settle();
    }
  }
  // How many requests each peer was sent.
  std::vector<size_t> Asked() const {
    std::vector<size_t> asked;
    for (const auto& peer : peers_) asked.push_back(peer->taken().size() / (4 + 24 + 1));
    return asked;
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  std::vector<std::shared_ptr<ScriptedPeer>> peers_;
  std::vector<std::unique_ptr<Outcome<Message>>> outcomes_;
};

TEST_F(PoolTest, ByDefaultAKeyHasOneChannel) {
  const auto protocol = NewProtocol({});
  Connect();
  Ask(protocol, 5);
  EXPECT_EQ(network_->dials.asked(), 1);
  EXPECT_EQ(Asked(), (std::vector<size_t>{5}));
}

TEST_F(PoolTest, AnotherChannelIsDialedWhileAllAreBusyAndTheLeastLoadedIsAsked) {
  const auto protocol = NewProtocol({.channels_per_key = 3});
  for (int i = 0; i < 3; ++i) Connect();
  Ask(protocol, 9);
  EXPECT_EQ(network_->dials.asked(), 3);
  EXPECT_EQ(Asked(), (std::vector<size_t>{3, 3, 3}));
  peers_[1]->Send(wire::Message(MessageKind::reply, 0));  // to nobody: changes nothing
  Ask(protocol, 3);
  EXPECT_EQ(Asked(), (std::vector<size_t>{4, 4, 4}));
}

TEST_F(PoolTest, AnIdleChannelIsAskedBeforeAnotherOneIsDialed) {
  const auto protocol = NewProtocol({.channels_per_key = 3});
  Connect();
  for (int i = 0; i < 4; ++i) {
    Ask(protocol, 1, {.timeout = absl::Milliseconds(1)});
    loop_->Advance(absl::Milliseconds(1));
  }
  EXPECT_EQ(network_->dials.asked(), 1);
}

TEST_F(PoolTest, OneDialIsInFlightPerKey) {
  const auto protocol = NewProtocol({.channels_per_key = 3});
  Ask(protocol, 5);
  EXPECT_EQ(network_->dials.asked(), 1);
  EXPECT_EQ(rain_->Transports().size(), 1u);
}

TEST_F(PoolTest, AChannelThatIsUpIsPreferredToAnIdlerOneThatIsDown) {
  const auto protocol = NewProtocol({.channels_per_key = 2});
  Connect();
  Connect();
  Ask(protocol, 2);
  ASSERT_EQ(Asked(), (std::vector<size_t>{1, 1}));
  network_->dials.Fail(absl::UnavailableError("refused"));
  peers_[0]->Break(absl::UnavailableError("cut"));
  Settle();
  Ask(protocol, 3);
  EXPECT_EQ(Asked(), (std::vector<size_t>{1, 4}));
}

TEST_F(PoolTest, TellsOfItsTransports) {
  const auto protocol = NewProtocol({.channels_per_key = 2});
  Connect();
  Ask(protocol, 2);  // the second one's channel does not come
  std::vector<PooledTransport> transports = rain_->Transports();
  ASSERT_EQ(transports.size(), 2u);
  if (transports[0].state != LinkState::connected) std::swap(transports[0], transports[1]);
  EXPECT_EQ(transports[0].protocol, "messages");
  EXPECT_EQ(transports[0].key.text(), kKey);
  EXPECT_EQ(ToString(transports[0].state), "connected");
  EXPECT_EQ(transports[0].in_flight, 1u);
  EXPECT_EQ(transports[0].queued_packets, 0u);
  EXPECT_EQ(transports[1].state, LinkState::connecting);
  EXPECT_EQ(transports[1].in_flight, 0u);
  EXPECT_EQ(transports[1].queued_packets, 1u);
  EXPECT_EQ(transports[1].queued_bytes, 24u + 1);
}

TEST_F(PoolTest, TellsOfItsTransportsInTheOrderOfTheirKeys) {
  const auto protocol = NewProtocol({});
  std::string names = "bacponmlkjihgfed";
  for (const char name : names) ASSERT_TRUE(rain_->Open(protocol, std::string("scripted://") + name).ok());
  std::string told;
  for (const PooledTransport& transport : rain_->Transports()) told += transport.key.text().back();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(told, names);
}

class ReadyTest : public PoolTest {
 protected:
  // What Ready told, so far.
  const std::vector<absl::Status>& AskReady(const TransportHandle<Message>& transport) {
    transport.Ready([this](absl::Status status) { told_.push_back(std::move(status)); });
    Settle();
    return told_;
  }
  std::vector<absl::Status> told_;
};

TEST_F(ReadyTest, TellsOnceThereIsAChannel) {
  const auto protocol = NewProtocol({});
  const auto transport = rain_->Open(protocol, kKey).value();
  EXPECT_TRUE(AskReady(transport).empty());
  EXPECT_EQ(network_->dials.asked(), 1) << "asking dials";
  Connect();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(told_[0].ok()) << told_[0];
  EXPECT_EQ(AskReady(transport).size(), 2u) << "at once, now that there is one";
}

TEST_F(ReadyTest, TellsWhyThereIsNone) {
  const auto protocol = NewProtocol({});
  const auto transport = rain_->Open(protocol, kKey).value();
  AskReady(transport);
  network_->dials.Fail(absl::UnavailableError("nobody listens"));
  Settle();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(told_[0]));
  EXPECT_THAT(std::string(told_[0].message()), testing::HasSubstr("nobody listens"));
  AskReady(transport);
  ASSERT_EQ(told_.size(), 2u) << "known, until the next attempt";
  EXPECT_THAT(std::string(told_[1].message()), testing::HasSubstr("nobody listens"));
}

TEST_F(ReadyTest, TellsThatAllWasStopped) {
  const auto protocol = NewProtocol({});
  const auto transport = rain_->Open(protocol, kKey).value();
  AskReady(transport);
  rain_->Stop();
  Settle();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(absl::IsCancelled(told_[0])) << told_[0];
  AskReady(transport);
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_TRUE(absl::IsCancelled(told_[1])) << told_[1];
}

class IdleTest : public PoolTest {
 protected:
  const Protocol<Message> protocol_ = NewProtocol({.max_idle = absl::Seconds(10)});
};

TEST_F(IdleTest, AnUnusedChannelIsClosedAndTheNextMessageDials) {
  const auto peer = Connect();
  const auto transport = rain_->Open(protocol_, kKey).value();
  ASSERT_TRUE(transport.Post(Message::Text("?")).ok());
  Settle();
  loop_->Advance(absl::Seconds(21));
  EXPECT_TRUE(peer->closed());
  EXPECT_TRUE(rain_->Transports().empty()) << "nothing is left of it";

  Connect();
  ASSERT_TRUE(transport.Post(Message::Text("?")).ok()) << "by a handle that was kept";
  Settle();
  EXPECT_EQ(Asked(), (std::vector<size_t>{1, 1}));
  Connect();
  Ask(protocol_);
  EXPECT_EQ(Asked(), (std::vector<size_t>{1, 1, 1}));
}

TEST_F(IdleTest, AChannelInUseStays) {
  const auto peer = Connect();
  Ask(protocol_, 1, {.timeout = absl::Hours(1)});
  loop_->Advance(absl::Minutes(5));
  EXPECT_FALSE(peer->closed()) << "a request is in flight";
  peer->Send(wire::Message(MessageKind::error, 1));  // whatever it says
  Settle();
  for (int i = 0; i < 5; ++i) {
    loop_->Advance(absl::Seconds(9));
    ASSERT_TRUE(rain_->Post(protocol_, kKey, Message::Text("?")).ok());
    Settle();
  }
  EXPECT_FALSE(peer->closed()) << "it is written to";
}

TEST_F(IdleTest, ACancelAfterwardsDialsNothing) {
  Connect();
  Cancellation cancellation;
  Ask(protocol_, 1, {.timeout = absl::Seconds(1), .cancellation = &cancellation});
  loop_->Advance(absl::Seconds(30));
  EXPECT_TRUE(rain_->Transports().empty());
  cancellation.Cancel();
  Settle();
  EXPECT_EQ(network_->dials.asked(), 1);
}

// Its transport may be used again, on another channel: what came on this one is not mistaken for what comes there.
TEST_F(IdleTest, NobodyWaitsForAHandlerWhoseUnusedChannelWasClosed) {
  std::vector<CallContext> contexts;
  auto spec = MessagesSpec("pushes");
  spec.channels.push_back(NewScriptedScheme(network_));
  spec.pool.max_idle = absl::Seconds(10);
  spec.router.Otherwise([&](Message, CallContext context, Responder<Message>) { contexts.push_back(std::move(context)); });
  const auto protocol = Register(std::move(spec));
  const auto transport = rain_->Open(protocol, kKey).value();
  for (size_t channel = 0; channel < 2; ++channel) {
    const auto peer = Connect();
    ASSERT_TRUE(transport.Post(Message::Text("?")).ok());
    peer->Send(wire::Message(MessageKind::one_way, 0));
    Settle();
    ASSERT_EQ(contexts.size(), channel + 1);
    EXPECT_FALSE(contexts.back().cancelled());
    EXPECT_TRUE(channel == 0 || contexts.front().cancelled());
    loop_->Advance(absl::Seconds(21));
    ASSERT_TRUE(peer->closed());
    EXPECT_TRUE(contexts.back().cancelled());
  }
}

// What becomes of a transport whose channel died.
class LostTest : public PoolTest {
 protected:
  void Lose(const std::shared_ptr<ScriptedPeer>& peer) {
    peer->Break(absl::UnavailableError("reset"));
    Settle();
  }
  void NextAttempt() { loop_->Advance(absl::Milliseconds(10)); }
};

TEST_F(LostTest, AKeyThatNobodyAsksForAnyMoreIsNotDialedForEver) {
  const auto protocol = NewProtocol({});
  const auto transport = rain_->Open(protocol, kKey).value();
  const auto first = Connect();
  ASSERT_TRUE(transport.Post(Message::Text("?")).ok());
  Settle();
  Lose(first);
  EXPECT_EQ(rain_->Transports().size(), 1u);
  NextAttempt();
  EXPECT_EQ(network_->dials.asked(), 1);
  EXPECT_EQ(rain_->Transports().size(), 0u);
  const auto second = Connect();
  ASSERT_TRUE(transport.Post(Message::Text("?")).ok()) << "by a handle that was kept";
  Settle();
  EXPECT_EQ(network_->dials.asked(), 2);
  EXPECT_EQ(second->writes(), 1);
}

TEST_F(LostTest, WhileTheServerIsDownTheCallsThatFailKeepTheAttemptsGoing) {
  const auto protocol = NewProtocol({});
  const auto transport = rain_->Open(protocol, kKey).value();
  network_->dials.Fail(absl::UnavailableError("refused"));
  ASSERT_TRUE(transport.Post(Message::Text("?")).ok());
  Settle();
  EXPECT_FALSE(transport.Post(Message::Text("?")).ok());
  NextAttempt();
  EXPECT_EQ(network_->dials.asked(), 2);
}

TEST_F(LostTest, WhoTakesPushesHasAChannelAllTheTime) {
  auto spec = MessagesSpec("pushed");
  spec.channels.push_back(NewScriptedScheme(network_));
  spec.router.Otherwise([](Message, CallContext, Responder<Message>) {});
  const auto protocol = Register(std::move(spec));
  const auto first = Connect();
  ASSERT_TRUE(rain_->Post(protocol, kKey, Message::Text("?")).ok());
  Settle();
  Lose(first);
  NextAttempt();
  EXPECT_EQ(network_->dials.asked(), 2);
}

}  // namespace
}  // namespace rain
