// Peers that fall silent.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

constexpr char kKey[] = "scripted://service";

class KeepaliveTest : public EngineFixture {
 protected:
  KeepaliveTest() {
    network_->dials.retry_after = absl::Milliseconds(10);
    auto spec = MessagesSpec("kept");
    spec.channels.push_back(NewScriptedScheme(network_));
    spec.keepalive = absl::Seconds(10);
    protocol_ = Register(std::move(spec));
  }
  std::shared_ptr<ScriptedPeer> Connect() {
    auto peer = ScriptedPeer::Make();
    network_->dials.Connect(peer);
    return peer;
  }
  size_t Pings(const ScriptedPeer& peer) {
    size_t pings = 0;
    for (size_t at = 0; at + 6 <= peer.taken().size(); at += 4 + 24) {
      pings += static_cast<MessageKind>(peer.taken()[at + 5]) == MessageKind::ping ? 1 : 0;
    }
    return pings;
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  Protocol<Message> protocol_;
};

TEST_F(KeepaliveTest, ASilentPeerIsPingedAndOneThatAnswersIsKept) {
  const auto peer = Connect();
  ASSERT_TRUE(rain_->Open(protocol_, kKey)->SyncReady().code() == absl::StatusCode::kFailedPrecondition);
  rain_->Open(protocol_, kKey)->Ready([](absl::Status) {});
  Settle();
  for (size_t i = 1; i <= 5; ++i) {
    loop_->Advance(absl::Seconds(10));
    EXPECT_EQ(Pings(*peer), i);
    peer->Send(wire::Message(MessageKind::pong, 0));
    Settle();
  }
  EXPECT_FALSE(peer->closed());
}

TEST_F(KeepaliveTest, ASilentPeerThatDoesNotAnswerIsGivenUpAndItsRequestsFail) {
  const auto peer = Connect();
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol_, kKey, Message(), outcome.callback(), {.timeout = absl::Hours(1)}).ok());
  Settle();
  loop_->Advance(absl::Seconds(19));
  EXPECT_FALSE(peer->closed());
  const auto next = Connect();
  loop_->Advance(absl::Seconds(1));
  EXPECT_TRUE(peer->closed());
  EXPECT_TRUE(absl::IsUnavailable(outcome.result.status()));
  EXPECT_THAT(std::string(outcome.result.status().message()), testing::HasSubstr("ping"));
  Outcome<Message> another;
  ASSERT_TRUE(rain_->Send(protocol_, kKey, Message(), another.callback()).ok());
  loop_->Advance(absl::Milliseconds(10));
  EXPECT_EQ(network_->dials.asked(), 2) << "and another channel is dialed";
  rain_->Stop();
  Settle();
}

// The ping stands behind a large message.
TEST_F(KeepaliveTest, APeerThatTakesALargeMessageSlowlyIsKeptUntilItStops) {
  const auto peer = Connect();
  peer->Accept(0);
  ASSERT_TRUE(rain_->Post(protocol_, kKey, Message::Text(std::string(100'000, 'x'))).ok());
  Settle();
  for (int i = 0; i < 10; ++i) {
    loop_->Advance(absl::Seconds(10));
    EXPECT_FALSE(peer->closed()) << i;
    peer->Accept(1000);
    Settle();
  }
  loop_->Advance(absl::Seconds(20));
  EXPECT_TRUE(peer->closed());
}

// The ping stands behind replies that were not even written.
TEST_F(KeepaliveTest, AClientThatTakesItsRepliesSlowlyIsKept) {
  const auto client = ScriptedPeer::Make();
  network_->accepts.Connect(client);
  Router<Message> router;
  router.Otherwise([](Message, CallContext, Responder<Message> responder) {
    EXPECT_TRUE(responder.Reply(Message::Text(std::string(100'000, 'x'))).ok());
  });
  const Listener listener = rain_->Listen(protocol_, kKey, std::move(router)).value();
  client->Accept(0);
  for (uint64_t id = 1; id <= 20; ++id) client->Send(wire::Message(MessageKind::request, id));
  Settle();
  for (int i = 0; i < 15; ++i) {
    loop_->Advance(absl::Seconds(10));
    EXPECT_FALSE(client->closed()) << i;
    client->Accept(100'000);
    Settle();
  }
}

// It was pinged, and then not read, for it took no replies. What it said meanwhile is still to be read when the next look is due.
TEST_F(KeepaliveTest, AClientThatAnsweredWhileItWasNotReadIsKept) {
  auto spec = MessagesSpec("narrow");
  spec.channels.push_back(NewScriptedScheme(network_));
  spec.keepalive = absl::Seconds(10);
  spec.limits.max_queued_bytes = 100'000;
  const auto protocol = Register(std::move(spec));
  const auto client = ScriptedPeer::Make();
  network_->accepts.Connect(client);
  std::vector<Responder<Message>> kept;
  Router<Message> router;
  router.Otherwise([&](Message, CallContext, Responder<Message> responder) { kept.push_back(std::move(responder)); });
  const Listener listener = rain_->Listen(protocol, kKey, std::move(router)).value();
  for (uint64_t id = 1; id <= 5; ++id) client->Send(wire::Message(MessageKind::request, id));
  Settle();
  loop_->Advance(absl::Seconds(10));
  ASSERT_EQ(Pings(*client), 1u);
  loop_->Advance(absl::Seconds(5));
  client->Accept(0);
  for (auto& responder : kept) EXPECT_TRUE(responder.Reply(Message::Text(std::string(100'000, 'x'))).ok());
  ASSERT_FALSE(client->reading());
  client->Send(wire::Message(MessageKind::pong, 0));
  loop_->Advance(absl::Seconds(4));
  ASSERT_FALSE(client->closed());
  loop_->manual_clock().Advance(absl::Seconds(1));
  client->Accept(1'000'000);
  Settle();
  EXPECT_TRUE(client->reading());
  EXPECT_FALSE(client->closed());
  loop_->Advance(absl::Seconds(20));
  EXPECT_TRUE(client->closed()) << "it did not answer the next ping";
}

TEST_F(KeepaliveTest, APeerThatIsHeardIsNotPinged) {
  const auto peer = Connect();
  rain_->Open(protocol_, kKey)->Ready([](absl::Status) {});
  Settle();
  for (int i = 0; i < 10; ++i) {
    loop_->Advance(absl::Seconds(9));
    peer->Send(wire::Message(MessageKind::pong, 0));
    Settle();
  }
  EXPECT_EQ(Pings(*peer), 0u);
}

TEST_F(KeepaliveTest, AServerGivesUpASilentClient) {
  const auto client = ScriptedPeer::Make();
  network_->accepts.Connect(client);
  Listener listener = rain_->Listen(protocol_, kKey, Router<Message>()).value();
  Settle();
  ASSERT_EQ(listener.connections().size(), 1u);
  loop_->Advance(absl::Seconds(20));
  EXPECT_TRUE(client->closed());
  EXPECT_TRUE(listener.connections().empty());
}

}  // namespace
}  // namespace rain
