// Ends without loss, and cancellations that reach the peer's handler.
#include "listenrain/framework/drain.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/codecs/endian.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://service";
constexpr char kScripted[] = "scripted://service";

// The kinds of the compact messages in a stream.
std::vector<MessageKind> KindsIn(absl::string_view stream) {
  std::vector<MessageKind> kinds;
  while (stream.size() >= 6) {
    kinds.push_back(static_cast<MessageKind>(stream[5]));
    stream.remove_prefix(4 + Load<uint32_t>(stream.data()));
  }
  return kinds;
}

class DrainTest : public EngineFixture {
 protected:
  DrainTest() {
    auto spec = MessagesSpec("messages");
    spec.channels.push_back(NewScriptedScheme(network_));
    spec.channels.push_back(NewInprocScheme());
    protocol_ = Register(std::move(spec));
  }
  // Keeps what it is asked.
  Listener ServeKept(const char* key) {
    Router<Message> router;
    router.Otherwise([this](Message, CallContext context, Responder<Message> responder) {
      contexts_.push_back(std::move(context));
      kept_.push_back(std::move(responder));
    });
    Listener listener = rain_->Listen(protocol_, key, std::move(router)).value();
    Settle();
    return listener;
  }
  void DrainIt(Listener& listener, absl::Duration timeout = absl::Seconds(1)) {
    listener.DrainThen(timeout, [this](DrainReport report) {
      ++told_;
      report_ = report;
    });
    Settle();
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  const std::shared_ptr<ScriptedPeer> peer_ = ScriptedPeer::Make();
  Protocol<Message> protocol_;
  std::vector<Responder<Message>> kept_;
  std::vector<CallContext> contexts_;
  int told_ = 0;
  DrainReport report_;
};

TEST_F(DrainTest, WhatWasReadIsAnsweredAndWhatComesIsRefused) {
  network_->accepts.Connect(peer_);
  Listener listener = ServeKept(kScripted);
  peer_->Send(wire::Message(MessageKind::request, 1));
  Settle();
  ASSERT_EQ(kept_.size(), 1u);
  DrainIt(listener);
  EXPECT_EQ(KindsIn(peer_->taken()), (std::vector{MessageKind::go_away}));
  peer_->Send(wire::Message(MessageKind::request, 2));
  Settle();
  EXPECT_EQ(kept_.size(), 1u);
  EXPECT_EQ(told_, 0) << "one is still to be answered";
  EXPECT_TRUE(kept_[0].Reply(Message::Text("done")).ok());
  Settle();
  EXPECT_EQ(KindsIn(peer_->taken()), (std::vector{MessageKind::go_away, MessageKind::error, MessageKind::reply}));
  EXPECT_EQ(told_, 0) << "the peer has not gone yet";
  peer_->End();
  Settle();
  ASSERT_EQ(told_, 1);
  EXPECT_EQ(report_.completed, 1u);
  EXPECT_EQ(report_.refused, 1u);
  EXPECT_EQ(report_.aborted, 0u);
}

TEST_F(DrainTest, TheDeadlineEndsWhatIsLeft) {
  network_->accepts.Connect(peer_);
  Listener listener = ServeKept(kScripted);
  peer_->Send(wire::Message(MessageKind::request, 1));
  Settle();
  DrainIt(listener, absl::Milliseconds(50));
  loop_->Advance(absl::Milliseconds(49));
  EXPECT_EQ(told_, 0);
  loop_->Advance(absl::Milliseconds(1));
  Settle();
  ASSERT_EQ(told_, 1);
  EXPECT_EQ(report_.aborted, 1u);
  EXPECT_TRUE(absl::IsUnavailable(kept_[0].Reply(Message::Text("late"))));
}

TEST_F(DrainTest, NobodyNewIsAccepted) {
  Listener listener = ServeKept(kKey);
  DrainIt(listener);
  EXPECT_EQ(told_, 1) << "there was nothing to wait for";
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol_, kKey, Message::Text("?"), outcome.callback()).ok());
  Settle();
  EXPECT_TRUE(absl::IsUnavailable(outcome.result.status())) << outcome.result.status();
}

TEST_F(DrainTest, AClientGoesElsewhereWithoutAFailure) {
  constexpr char kBoth[] = "inproc://first?backoff=10,inproc://second?backoff=10";
  Listener first = ServeKept("inproc://first");
  ServeEcho(protocol_, "inproc://second");
  Outcome<Message> a, b;
  ASSERT_TRUE(rain_->Send(protocol_, kBoth, Message::Text("a"), a.callback()).ok());
  Settle();
  ASSERT_EQ(kept_.size(), 1u);
  DrainIt(first);
  ASSERT_TRUE(rain_->Send(protocol_, kBoth, Message::Text("b"), b.callback()).ok());
  Settle();
  EXPECT_EQ(b.told, 0) << "it waits for a channel to the other one";
  EXPECT_TRUE(kept_[0].Reply(Message::Text("a")).ok());
  Settle();
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(report_.completed, 1u);
  EXPECT_TRUE(a.result.ok()) << a.result.status();
  EXPECT_TRUE(b.result.ok()) << b.result.status();
}

TEST_F(DrainTest, ACancellationReachesTheHandler) {
  Listener listener = ServeKept(kKey);
  Cancellation cancellation;
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol_, kKey, Message::Text("?"), outcome.callback(), {.cancellation = &cancellation}).ok());
  Settle();
  ASSERT_EQ(contexts_.size(), 1u);
  int told = 0;
  contexts_[0].OnCancelled([&] { ++told; });
  EXPECT_FALSE(contexts_[0].cancelled());
  cancellation.Cancel();
  Settle();
  EXPECT_EQ(outcome.told, 1);
  EXPECT_TRUE(contexts_[0].cancelled());
  EXPECT_EQ(told, 1);
  contexts_[0].OnCancelled([&] { ++told; });
  EXPECT_EQ(told, 2) << "it was cancelled before";
  EXPECT_TRUE(kept_[0].Reply(Message::Text("late")).ok());
  Settle();
  EXPECT_EQ(rain_->StatsOf(protocol_).late_replies, 1u);
  listener.Stop();
  Settle();
  EXPECT_EQ(told, 2);
}

TEST_F(DrainTest, ADeadlineReachesTheHandlerToo) {
  Listener listener = ServeKept(kKey);
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol_, kKey, Message::Text("?"), outcome.callback(), {.timeout = absl::Milliseconds(5)}).ok());
  Settle();
  loop_->Advance(absl::Milliseconds(5));
  Settle();
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.result.status()));
  EXPECT_TRUE(contexts_[0].cancelled());
}

TEST_F(DrainTest, AChannelsEndCancelsWhatCameOnIt) {
  network_->accepts.Connect(peer_);
  Listener listener = ServeKept(kScripted);
  peer_->Send(wire::Message(MessageKind::request, 1)).Send(wire::Message(MessageKind::request, 2));
  Settle();
  int told = 0;
  for (const CallContext& context : contexts_) context.OnCancelled([&] { ++told; });
  EXPECT_TRUE(kept_[1].Reply(Message::Text("answered")).ok());
  Settle();
  peer_->Break(absl::UnavailableError("reset"));
  Settle();
  EXPECT_EQ(told, 1) << "the other one was answered";
}

TEST_F(DrainTest, AClientThatHasNoChannelIsDrainedWithItsLastRequest) {
  network_->dials.retry_after = absl::Seconds(5);
  network_->dials.Fail(absl::UnavailableError("refused"));
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_
                  ->Send(protocol_, kScripted, Message::Text("?"), outcome.callback(),
                         {.timeout = absl::Milliseconds(50), .wait_for_ready = true})
                  .ok());
  Settle();
  loop_->Run([this] { rain_->Drain(absl::Seconds(20)); });
  Settle();
  EXPECT_EQ(outcome.told, 0) << "it was accepted before";
  const auto pool = rain_->Open(protocol_, kScripted);
  EXPECT_TRUE(absl::IsCancelled(pool->Send(Message::Text("?"), outcome.callback()))) << "draining";
  loop_->Advance(absl::Milliseconds(50));
  Settle();
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.result.status())) << outcome.result.status();
  EXPECT_TRUE(pool->box().gone()) << "nothing is left to wait for";
}

TEST_F(DrainTest, AChannelThatDiesWithTheLastRequestEndsADrainingClient) {
  network_->dials.retry_after = absl::Seconds(5);
  network_->dials.Connect(peer_);
  Outcome<Message> outcome;
  const auto transport = rain_->Open(protocol_, kScripted);
  ASSERT_TRUE(transport->Send(Message::Text("?"), outcome.callback()).ok());
  Settle();
  loop_->Run([this] { rain_->Drain(absl::Seconds(20)); });
  Settle();
  EXPECT_EQ(outcome.told, 0);
  peer_->Break(absl::UnavailableError("reset"));
  Settle();
  EXPECT_TRUE(absl::IsUnavailable(outcome.result.status())) << outcome.result.status();
  EXPECT_TRUE(transport->box().gone());
}

TEST_F(DrainTest, WhatComesToATransportThatIsDoneWhileAnotherIsDrainedIsCancelled) {
  network_->dials.Connect(peer_);
  network_->dials.Connect(ScriptedPeer::Make());
  const auto done = rain_->Open(protocol_, kScripted).value();
  const auto unused = rain_->Open(protocol_, "scripted://unused").value();
  ASSERT_TRUE(done.Post(Message::Text("?")).ok());
  Settle();
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol_, "scripted://other", Message::Text("?"), outcome.callback()).ok());
  Settle();
  rain_->Drain(absl::Seconds(1));
  Settle();
  EXPECT_EQ(outcome.told, 0);
  const absl::Status refused = done.Post(Message::Text("?"));
  EXPECT_TRUE(absl::IsCancelled(refused)) << refused;
  EXPECT_TRUE(absl::IsCancelled(unused.Post(Message::Text("?"))));
  EXPECT_EQ(network_->dials.asked(), 2);
  loop_->Advance(absl::Seconds(1));
  EXPECT_EQ(outcome.told, 1);
}

TEST_F(DrainTest, TheSecondOfTwoWaitsForWhatTheFirstWaitsFor) {
  network_->accepts.Connect(peer_);
  Listener listener = ServeKept(kScripted);
  peer_->Send(wire::Message(MessageKind::request, 1));
  Settle();
  DrainIt(listener);
  int told = 0;
  listener.DrainThen(absl::Seconds(1), [&](DrainReport) { ++told; });
  loop_->Run([this] { rain_->Drain(absl::Seconds(1)); });
  Settle();
  EXPECT_EQ(told + told_, 0) << "one is still to be answered";
  EXPECT_TRUE(kept_[0].Reply(Message::Text("done")).ok());
  Settle();
  peer_->End();
  Settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(report_.completed, 1u);
  EXPECT_EQ(KindsIn(peer_->taken()), (std::vector{MessageKind::go_away, MessageKind::reply}));
}

TEST_F(DrainTest, TheShorterOfTwoEndsBoth) {
  network_->accepts.Connect(peer_);
  Listener listener = ServeKept(kScripted);
  peer_->Send(wire::Message(MessageKind::request, 1));
  Settle();
  DrainIt(listener, absl::Seconds(20));
  int told = 0;
  listener.DrainThen(absl::Milliseconds(50), [&](DrainReport report) { told += static_cast<int>(report.aborted); });
  loop_->Advance(absl::Milliseconds(50));
  Settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(told_, 1);
}

// The inline executor's callbacks run on the loop, where an end is under way; they may ask for another one.
TEST_F(DrainTest, ACancellationsCallbackMayStopTheListenRain) {
  network_->accepts.Connect(peer_);
  Listener listener = ServeKept(kScripted);
  peer_->Send(wire::Message(MessageKind::request, 1));
  Settle();
  int told = 0;
  contexts_[0].OnCancelled([&] {
    ++told;
    rain_->Stop();
  });
  peer_->Break(absl::UnavailableError("reset"));
  Settle();
  EXPECT_EQ(told, 1);
}

TEST_F(DrainTest, ACancellationsCallbackMayStopADialingListenRain) {
  auto spec = MessagesSpec("asked back");
  spec.channels.push_back(NewScriptedScheme(network_));
  std::vector<Responder<Message>> kept;
  int told = 0;
  spec.router.Otherwise([&](Message, CallContext context, Responder<Message> responder) {
    context.OnCancelled([&] {
      ++told;
      rain_->Stop();
    });
    kept.push_back(std::move(responder));
  });
  const auto protocol = Register(std::move(spec));
  network_->dials.retry_after = absl::Milliseconds(10);
  network_->dials.Connect(peer_);
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kScripted, Message::Text("?"), outcome.callback()).ok());
  peer_->Send(wire::Message(MessageKind::request, 1));
  Settle();
  ASSERT_EQ(kept.size(), 1u);
  peer_->Break(absl::UnavailableError("reset"));
  Settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(outcome.told, 1);
  ExpectBalanced(protocol);
}

}  // namespace
}  // namespace rain
