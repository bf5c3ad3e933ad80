// Keys that list several endpoints: which one is dialed, and when the transport moves back.
#include "listenrain/framework/failover.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

constexpr char kActive[] = "inproc://active";
constexpr char kStandby[] = "inproc://standby";
constexpr char kKey[] = "scripted://service";
constexpr char kBoth[] = "inproc://active?backoff=10,inproc://standby?backoff=10";

class FailoverTest : public EngineFixture {
 protected:
  FailoverTest() {
    auto spec = MessagesSpec("messages");
    spec.channels.push_back(NewInprocScheme());
    protocol_ = Register(std::move(spec));
  }
  Listener ServeNamed(const char* key) {
    Router<Message> router;
    router.Otherwise([key](Message message, CallContext, Responder<Message> responder) {
      EXPECT_TRUE(responder.Reply(Message::Text(message.text() + " by " + key)).ok());
    });
    Listener listener = rain_->Listen(protocol_, key, std::move(router)).value();
    Settle();
    return listener;
  }
  // Over the network, whose dialers soon ask for a better channel than the one they have.
  Protocol<Message> Reviewing(const std::shared_ptr<ScriptedNetwork>& network) {
    network->dials.review_after = absl::Milliseconds(10);
    auto spec = MessagesSpec("scripted");
    spec.channels.push_back(NewScriptedScheme(network));
    return Register(std::move(spec));
  }
  // The reply's text, or the error's.
  std::string Ask(const SendOptions& options = {.wait_for_ready = true}) {
    Outcome<Message> outcome;
    const absl::Status sent = rain_->Send(protocol_, kBoth, Message::Text("served"), outcome.callback(), options);
    if (!sent.ok()) return sent.ToString();
    Settle();
    for (int i = 0; i < 100 && outcome.told == 0; ++i) {
      loop_->Advance(absl::Milliseconds(10));
      Settle();
    }
    return outcome.result.ok() ? outcome.result->text() : outcome.result.status().ToString();
  }

  Protocol<Message> protocol_;
};

TEST_F(FailoverTest, TheActiveEndpointServesIfItCan) {
  Listener active = ServeNamed(kActive);
  Listener standby = ServeNamed(kStandby);
  EXPECT_EQ(Ask(), "served by inproc://active");
}

TEST_F(FailoverTest, TheFirstConnectFailsOverToo) {
  Listener standby = ServeNamed(kStandby);
  EXPECT_EQ(Ask({}), "served by inproc://standby") << "without waiting";
}

TEST_F(FailoverTest, AnActiveEndpointThatDiesIsReplacedAndComesBack) {
  Listener standby = ServeNamed(kStandby);
  {
    Listener active = ServeNamed(kActive);
    EXPECT_EQ(Ask(), "served by inproc://active");
  }
  Settle();
  EXPECT_EQ(Ask({}), "served by inproc://standby") << "without waiting";
  Listener active = ServeNamed(kActive);
  EXPECT_EQ(Ask(), "served by inproc://standby") << "nobody has looked yet";
  loop_->Advance(absl::Seconds(2));
  Settle();
  EXPECT_EQ(Ask(), "served by inproc://active");
  EXPECT_EQ(rain_->StatsOf(protocol_).failed, 0u) << "nothing was lost on the way back";
}

TEST_F(FailoverTest, WithoutAnyEndpointTheReasonsAreTold) {
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol_, kBoth, Message::Text("?"), outcome.callback()).ok());
  Settle();
  ASSERT_EQ(outcome.told, 1);
  EXPECT_TRUE(absl::IsUnavailable(outcome.result.status()));
  for (const char* key : {kActive, kStandby}) {
    EXPECT_NE(outcome.result.status().message().find(key), absl::string_view::npos) << outcome.result.status();
  }
}

TEST_F(FailoverTest, AListIsNotListenedOn) {
  const auto listener = rain_->Listen(protocol_, kBoth, Router<Message>());
  EXPECT_TRUE(absl::IsInvalidArgument(listener.status())) << listener.status();
}

TEST_F(FailoverTest, AListThatWasNotUsedForAWhileIsDialedFromItsFirst) {
  auto spec = MessagesSpec("resting");
  spec.channels.push_back(NewInprocScheme());
  spec.pool.max_idle = absl::Seconds(10);
  protocol_ = Register(std::move(spec));
  Listener active = ServeNamed(kActive);
  Listener standby = ServeNamed(kStandby);
  const auto transport = rain_->Open(protocol_, kBoth).value();
  EXPECT_EQ(Ask(), "served by inproc://active");
  loop_->Advance(absl::Seconds(21));
  Settle();
  EXPECT_TRUE(rain_->Transports().empty());
  Outcome<Message> outcome;
  ASSERT_TRUE(transport.Send(Message::Text("served"), outcome.callback()).ok());
  Settle();
  EXPECT_EQ(outcome.result.ok() ? outcome.result->text() : outcome.result.status().ToString(), "served by inproc://active");
}

TEST_F(FailoverTest, ACallThatTakesLongHoldsTheOthersUpForAWhileOnly) {
  const auto network = std::make_shared<ScriptedNetwork>();
  const auto protocol = Reviewing(network);
  const auto first = ScriptedPeer::Make();
  network->dials.Connect(first);
  network->dials.Connect(ScriptedPeer::Make());
  Outcome<Message> slow, other;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("s"), slow.callback(), {.timeout = absl::Seconds(60)}).ok());
  Settle();
  const size_t request = first->taken().size();
  loop_->Advance(absl::Milliseconds(1500));
  Settle();
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("o"), other.callback(), {.timeout = absl::Seconds(5)}).ok());
  Settle();
  EXPECT_EQ(first->taken().size(), request);
  loop_->Advance(absl::Milliseconds(600));
  Settle();
  EXPECT_EQ(first->taken().size(), 2 * request) << "the present channel is good, and in use";
  rain_->Stop();
  Settle();
}

// Nobody reads it, and so its peer would leave it one day.
TEST_F(FailoverTest, ABetterChannelThatCannotBeMovedToSoonIsGivenUpAndAnotherOneAskedForLater) {
  const auto network = std::make_shared<ScriptedNetwork>();
  const auto protocol = Reviewing(network);
  const auto first = ScriptedPeer::Make();
  const auto better = ScriptedPeer::Make();
  network->dials.Connect(first);
  network->dials.Connect(better);
  Outcome<Message> slow;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("s"), slow.callback(), {.timeout = absl::Seconds(60)}).ok());
  Settle();
  network->dials.review_after.reset();  // after the one that is due already
  loop_->Advance(absl::Seconds(1));
  EXPECT_EQ(network->dials.asked(), 2);
  EXPECT_FALSE(better->destroyed());
  network->dials.review_after = absl::Milliseconds(10);
  loop_->Advance(absl::Seconds(1.5));
  Settle();
  EXPECT_TRUE(better->destroyed());
  EXPECT_EQ(network->dials.asked(), 2);
  loop_->Advance(absl::Seconds(2));
  EXPECT_EQ(network->dials.asked(), 3);
  EXPECT_FALSE(first->closed());
  rain_->Stop();
  Settle();
}

// Channels to the first endpoint that were given up meanwhile do not make it forgotten.
TEST_F(FailoverTest, AfterALongCallTheFirstEndpointIsMovedToAllTheSame) {
  std::vector<Responder<Message>> kept;
  Router<Message> router;
  router.Otherwise([&kept](Message message, CallContext, Responder<Message> responder) {
    if (message.text() == "slow") return kept.push_back(std::move(responder));
    EXPECT_TRUE(responder.Reply(Message::Text("served by standby")).ok());
  });
  const Listener standby = rain_->Listen(protocol_, kStandby, std::move(router)).value();
  Settle();
  EXPECT_EQ(Ask(), "served by standby");
  Outcome<Message> slow;
  ASSERT_TRUE(rain_->Send(protocol_, kBoth, Message::Text("slow"), slow.callback(), {.timeout = absl::Minutes(5)}).ok());
  Settle();
  const Listener active = ServeNamed(kActive);
  for (int i = 0; i < 200; ++i) {
    loop_->Advance(absl::Milliseconds(100));
    Settle();
  }
  EXPECT_EQ(slow.told, 0);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0].Reply(Message::Text("at last")).ok());
  loop_->Advance(absl::Minutes(2));
  Settle();
  EXPECT_EQ(slow.told, 1);
  EXPECT_EQ(Ask(), "served by inproc://active");
}

TEST_F(FailoverTest, TheMoveWaitsForWhatIsInFlight) {
  const auto network = std::make_shared<ScriptedNetwork>();
  const auto protocol = Reviewing(network);
  const auto first = ScriptedPeer::Make();
  const auto second = ScriptedPeer::Make();
  network->dials.Connect(first);
  network->dials.Connect(second);
  Outcome<Message> a;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("a"), a.callback()).ok());
  Settle();
  const std::string request = first->taken();
  loop_->Advance(absl::Milliseconds(10));
  Settle();
  EXPECT_FALSE(first->closed()) << "a is in flight there";
  Outcome<Message> b;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("b"), b.callback()).ok());
  Settle();
  EXPECT_EQ(first->taken().size(), 2 * request.size());
  loop_->Advance(absl::Seconds(1));
  Outcome<Message> c;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("c"), c.callback()).ok());
  Settle();
  EXPECT_EQ(first->taken().size(), 2 * request.size()) << "long enough: c waits for the other channel";
  for (std::string reply : {request, first->taken().substr(request.size())}) {
    reply[5] = static_cast<char>(MessageKind::reply);
    first->Send(reply);
  }
  Settle();
  EXPECT_TRUE(a.result.ok() && b.result.ok());
  EXPECT_TRUE(first->closed());
  EXPECT_EQ(second->taken().size(), request.size());
  rain_->Stop();
  Settle();
}

// Nothing comes from a peer that hangs: what ends its last request is a deadline or the caller, and no wire has told it.
class MoveFromAHungPeerTest : public FailoverTest {
 protected:
  MoveFromAHungPeerTest() {
    ProtocolSpec<std::string> spec;
    spec.name = "lines";
    spec.packet_codec = NewLinePacketCodec();
    spec.message_codec = NewLineCodec();
    spec.channels.push_back(NewScriptedScheme(network_));
    lines_ = Register(std::move(spec));
    network_->dials.review_after = absl::Milliseconds(10);
    network_->dials.Connect(hung_);
    network_->dials.Connect(better_);
  }
  void Ask(const std::string& line, Outcome<std::string>& outcome, const SendOptions& options) {
    ASSERT_TRUE(rain_->Send(lines_, kKey, line, outcome.callback(), options).ok());
    Settle();
  }
  // `b` waits for the better channel.
  void AskTwice(const SendOptions& first) {
    Ask("a", a_, first);
    EXPECT_EQ(hung_->taken(), "a\n");
    loop_->Advance(absl::Milliseconds(1500));
    Settle();
    Ask("b", b_, {.timeout = absl::Seconds(20)});
    EXPECT_EQ(hung_->taken(), "a\n");
  }
  void ExpectMoved() {
    Settle();
    EXPECT_EQ(a_.told, 1);
    EXPECT_EQ(better_->taken(), "b\n");
    better_->Send("B\n");
    Settle();
    EXPECT_EQ(b_.result.ok() ? *b_.result : b_.result.status().ToString(), "B");
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  const std::shared_ptr<ScriptedPeer> hung_ = ScriptedPeer::Make();
  const std::shared_ptr<ScriptedPeer> better_ = ScriptedPeer::Make();
  Protocol<std::string> lines_;
  Outcome<std::string> a_, b_;
};

TEST_F(MoveFromAHungPeerTest, FollowsTheLastDeadline) {
  AskTwice({.timeout = absl::Seconds(2)});
  loop_->Advance(absl::Milliseconds(500));
  ExpectMoved();
}

TEST_F(MoveFromAHungPeerTest, FollowsTheLastCancellation) {
  Cancellation cancellation;
  AskTwice({.timeout = absl::Seconds(20), .cancellation = &cancellation});
  cancellation.Cancel();
  ExpectMoved();
}

}  // namespace
}  // namespace rain
