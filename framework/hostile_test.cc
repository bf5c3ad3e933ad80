// What peers, users and their parts must not be able to do to a transport.
#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/executors/manual_executor.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/transport.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://service";
constexpr char kScripted[] = "scripted://service";

class HostileTest : public EngineFixture {
 protected:
  using EngineFixture::EngineFixture;
  ProtocolSpec<Message> ScriptedSpec() {
    auto spec = MessagesSpec("scripted");
    spec.channels.push_back(NewScriptedScheme(network_));
    return spec;
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  const std::shared_ptr<ScriptedPeer> peer_ = ScriptedPeer::Make();
};

TEST_F(HostileTest, AShortTimeoutAfterALongOneThatWasAnsweredIsNotLate) {
  const auto protocol = Register(MessagesSpec("echo"));
  std::deque<Responder<Message>> kept;
  Serve<Message>(protocol, kKey,
                 [&](Message, CallContext, Responder<Message> responder) { kept.push_back(std::move(responder)); });
  Outcome<Message> long_one;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), long_one.callback(), {.timeout = absl::Hours(1)}).ok());
  Settle();
  ASSERT_TRUE(kept.front().Reply(Message::Text("y")).ok());
  Settle();
  ASSERT_TRUE(long_one.result.ok());
  Outcome<Message> short_one;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), short_one.callback(), {.timeout = absl::Milliseconds(10)}).ok());
  loop_->Advance(absl::Milliseconds(10));
  ASSERT_EQ(short_one.told, 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(short_one.result.status())) << short_one.result.status();
}

TEST_F(HostileTest, TheCancellationOfAPostTouchesNoRequest) {
  const auto protocol = Register(MessagesSpec("echo"));
  std::deque<Responder<Message>> kept;
  Serve<Message>(protocol, kKey,
                 [&](Message, CallContext, Responder<Message> responder) { kept.push_back(std::move(responder)); });
  Cancellation of_post;
  ASSERT_TRUE(rain_->Post(protocol, kKey, Message::Text("x"), {.cancellation = &of_post}).ok());  // waits for the channel
  Settle();
  std::vector<Outcome<Message>> outcomes(100);  // one of them uses what the post used
  for (auto& outcome : outcomes) ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback()).ok());
  of_post.Cancel();
  Settle();
  for (auto& outcome : outcomes) EXPECT_EQ(outcome.told, 0) << outcome.result.status();
  rain_->Stop();
  Settle();
}

TEST_F(HostileTest, AReplyToARequestThatWasNotSentIsNobodys) {
  ProtocolSpec<UuidMessage> spec;
  spec.name = "uuids";
  spec.message_codec = NewUuidCodec(UuidForm::text);
  spec.channels.push_back(NewScriptedScheme(network_));
  spec.limits.window_requests = 1;
  const auto protocol = Register(std::move(spec));
  network_->dials.Connect(peer_);
  const std::string ids[] = {"123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174001"};
  const auto reply_to = [&](const std::string& id) {
    return wire::Packet(std::string(1, static_cast<char>(MessageKind::reply)) + id + "text");
  };
  Outcome<UuidMessage> outcomes[2];
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(rain_->Send(protocol, kScripted, UuidMessage{ids[i], "?"}, outcomes[i].callback()).ok());
  peer_->Send(reply_to(ids[1]));
  Settle();
  EXPECT_EQ(outcomes[1].told, 0) << "it waits for the window";
  EXPECT_EQ(rain_->StatsOf(protocol).late_replies, 1u);
  peer_->Send(reply_to(ids[0]));
  peer_->Send(reply_to(ids[1]));
  Settle();
  for (auto& outcome : outcomes) EXPECT_TRUE(outcome.result.ok()) << outcome.result.status();
  ExpectBalanced(protocol);
}

TEST_F(HostileTest, AHalfClosedPeerGetsItsRepliesAlsoWhenItOwesSome) {
  const auto protocol = Register(ScriptedSpec());
  std::deque<Responder<Message>> kept;
  Outcome<Message> asked_back;
  Serve<Message>(protocol, kScripted, [&](Message, CallContext context, Responder<Message> responder) {
    TransportHandle<Message> back(protocol, context.connection());
    ASSERT_TRUE(back.Send(Message::Text("and you?"), asked_back.callback()).ok());
    kept.push_back(std::move(responder));
  });
  network_->accepts.Connect(peer_);
  peer_->Send(wire::Message(MessageKind::request, 7)).End();
  Settle();
  EXPECT_TRUE(absl::IsUnavailable(asked_back.result.status())) << "no reply can come: " << asked_back.result.status();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept.front().Reply(Message::Text("bye")).ok());
  Settle();
  EXPECT_NE(peer_->taken().find("bye"), std::string::npos);
  EXPECT_TRUE(peer_->closed());
  ExpectBalanced(protocol);
}

TEST_F(HostileTest, WhatAHandlerRepliedBeforeItStoppedItsListenerIsWritten) {
  const auto protocol = Register(ScriptedSpec());
  Serve<Message>(protocol, kScripted, [&](Message message, CallContext, Responder<Message> responder) {
    EXPECT_TRUE(responder.Reply(message).ok());
    listeners_.front().Stop();
  });
  network_->accepts.Connect(peer_);
  peer_->Send(wire::Message(MessageKind::request, 7, "last words"));
  Settle();
  EXPECT_EQ(peer_->taken(), wire::Message(MessageKind::reply, 7, "last words"));
  EXPECT_TRUE(peer_->closed());
}

// Of what an accepted peer does wrong no caller hears: whoever runs the server reads of it, once for each peer.
TEST_F(HostileTest, WhatAPeerDoesWrongIsLogged) {
  std::vector<std::string> logged;
  SetLogSink(
      [&](Severity, absl::string_view where, absl::string_view text) { logged.push_back(absl::StrCat(where, ": ", text)); });
  auto spec = ScriptedSpec();
  spec.limits.max_packet_bytes = 1000;
  const auto protocol = Register(std::move(spec));
  Serve<Message>(protocol, kScripted, [](Message, CallContext, Responder<Message>) {});
  network_->accepts.Connect(peer_);
  peer_->Send(wire::Packet("what?") + wire::Packet("what?") + wire::Length(1001));
  Settle();
  SetLogSink({});
  ASSERT_EQ(logged.size(), 2u);
  EXPECT_NE(logged[0].find("no message"), std::string::npos) << logged[0];
  EXPECT_NE(logged[1].find("max_packet_bytes"), std::string::npos) << logged[1];
  for (const std::string& line : logged) EXPECT_NE(line.find(kScripted), std::string::npos) << line;
}

TEST_F(HostileTest, AListenersTransportsEndInTheOrderInWhichTheyCame) {
  constexpr size_t kPeers = 32;
  const auto protocol = Register(ScriptedSpec());
  std::vector<size_t> ended;
  std::vector<size_t> came;
  Serve<Message>(protocol, kScripted, [&](Message message, CallContext context, Responder<Message> responder) {
    const size_t number = came.size();
    came.push_back(number);
    EXPECT_EQ(message.text(), std::to_string(number));
    TransportHandle<Message> back(protocol, context.connection());
    ASSERT_TRUE(
        back.Send(message, Callback<Message>([&ended, number](absl::StatusOr<Message>) { ended.push_back(number); })).ok());
    EXPECT_TRUE(responder.Reply(message).ok());
  });
  for (size_t i = 0; i < kPeers; ++i) {
    const auto peer = ScriptedPeer::Make();
    peer->Send(wire::Message(MessageKind::request, 1, std::to_string(i)));
    network_->accepts.Connect(peer);
    Settle();
  }
  listeners_.clear();
  Settle();
  ASSERT_EQ(came.size(), kPeers);
  EXPECT_EQ(ended, came);
}

TEST_F(HostileTest, OnTheLoopTooAStoppedListenRainIsCancelled) {
  const auto protocol = Register(MessagesSpec("echo"));
  ServeEcho(protocol, kKey);
  auto handle = rain_->Open(protocol, kKey);
  ASSERT_TRUE(handle.ok());
  Outcome<Message> outcome;
  ASSERT_TRUE(handle->Send(Message::Text("x"), outcome.callback()).ok());
  Settle();
  rain_->Stop();
  ASSERT_TRUE(loop_->InLoop());
  const absl::Status stopped = handle->Send(Message::Text("x"), outcome.callback());
  EXPECT_TRUE(absl::IsCancelled(stopped)) << stopped;
}

// The transport that ends first brings its grave's digger before the other's outcomes, which are then the last to hold the
// engine.
TEST_F(HostileTest, TheLastOutcomesMayOutliveTheListenRainOnItsLoop) {
  auto spec = ScriptedSpec();
  const auto protocol = Register(std::move(spec));
  network_->dials.Connect(ScriptedPeer::Make());
  network_->dials.Connect(ScriptedPeer::Make());
  Outcome<Message> idle;
  Outcome<Message> waiting;
  ASSERT_TRUE(
      rain_->Send(protocol, "scripted://idle", Message::Text("x"), idle.callback(), {.timeout = absl::Milliseconds(1)}).ok());
  Settle();
  loop_->Advance(absl::Milliseconds(1));
  ASSERT_TRUE(rain_->Send(protocol, "scripted://waiting", Message::Text("x"), waiting.callback()).ok());
  Settle();
  rain_.reset();  // on its loop: what is left to tell is told in the turn's end
  Settle();
  EXPECT_TRUE(absl::IsCancelled(waiting.result.status())) << waiting.result.status();
  rain_ = std::make_unique<ListenRain>(
      ListenRain::Parts{{loop_}, NewBufferPool(), NewInlineExecutor(), NewLengthPrefixCodec(), {}, {}});
}

// Promises header bytes, and writes fewer.
class CurtCodec final : public MessageCodec<std::string> {
 public:
  const CodecTraits& traits() const override { return traits_; }
  void WriteHeader(const MessageHeader&, absl::Span<char> first) const override { std::fill(first.begin(), first.end(), 'h'); }
  absl::StatusOr<MessageHeader> PeekHeader(const Payload&, Role) const override { return MessageHeader(); }
  absl::Status EncodeError(const MessageHeader&, const absl::Status&, PayloadWriter&) const override { return absl::OkStatus(); }
  absl::Status DecodeError(const MessageHeader&, const Payload&) const override { return absl::UnknownError(""); }
  absl::Status EncodeMessage(const MessageHeader&, const std::string& text, PayloadWriter& to) const override {
    to.Append(absl::string_view(text));
    return to.status();
  }
  absl::StatusOr<std::string> DecodeMessage(const MessageHeader&, Payload&& payload) const override { return ToString(payload); }
  MsgId IdOf(const std::string&) const override { return {}; }
  Route RouteOf(const std::string&) const override { return {}; }

 private:
  const CodecTraits traits_{.ids = IdPolicy::assigned, .header_bytes = 8};
};

TEST_F(HostileTest, ACodecThatWritesLessThanItsHeaderFailsTheMessage) {
  ProtocolSpec<std::string> spec;
  spec.name = "curt";
  spec.message_codec = std::make_shared<CurtCodec>();
  spec.channels.push_back(NewScriptedScheme(network_));
  const auto protocol = Register(std::move(spec));
  network_->dials.Connect(peer_);
  Outcome<std::string> outcome;
  for (const char* text : {"", "short"}) {
    const absl::Status refused = rain_->Send(protocol, kScripted, std::string(text), outcome.callback());  // into the queue
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  }
  ASSERT_TRUE(rain_->Send(protocol, kScripted, std::string("long enough"), outcome.callback()).ok());
  Settle();
  for (const char* text : {"", "short"}) {
    const absl::Status refused =
        rain_->Send(protocol, kScripted, std::string(text), outcome.callback());  // into the link's output
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  }
  Settle();
  EXPECT_EQ(peer_->taken(), wire::Packet("hhhhhhhhugh"));
  rain_->Stop();
  Settle();
}

TEST_F(HostileTest, TheCountersOfWhatWasNeverRegisteredAreNone) { EXPECT_EQ(rain_->StatsOf(Protocol<Message>()).started, 0u); }

TEST_F(HostileTest, AProtocolOfAnotherListenRainIsItsOwnHereToo) {
  ProtocolRegisterTable other(NewLengthPrefixCodec(), NewInlineExecutor());
  const auto ours = Register(MessagesSpec("ours"));
  const auto foreign = other.Register(ScriptedSpec());  // the first of its table, as "ours" is
  ASSERT_TRUE(foreign.ok()) << foreign.status();
  network_->dials.Connect(peer_);
  Outcome<Message> outcome;
  EXPECT_TRUE(absl::IsUnimplemented(rain_->Send(ours, kScripted, Message::Text("x"), outcome.callback())));
  ASSERT_TRUE(rain_->Send(*foreign, kScripted, Message::Text("x"), outcome.callback()).ok());
  EXPECT_TRUE(absl::IsUnimplemented(rain_->Send(ours, kScripted, Message::Text("x"), outcome.callback())));
  Settle();
  EXPECT_EQ(rain_->StatsOf(*foreign).started, 1u);
  EXPECT_EQ(rain_->StatsOf(ours).started, 0u);
  rain_->Stop();
  Settle();
}

class SlowHandlerTest : public HostileTest {
 protected:
  SlowHandlerTest() : HostileTest(executor_) {}
  ~SlowHandlerTest() override { executor_->DropAll(); }
  inline static const std::shared_ptr<ManualExecutor> executor_ = std::make_shared<ManualExecutor>();
};

TEST_F(SlowHandlerTest, OneWayMessagesBeyondTheLimitStopTheReadingUntilTheyAreHandled) {
  auto spec = ScriptedSpec();
  spec.limits.max_queued_bytes = 2048;
  const auto protocol = Register(std::move(spec));
  size_t handled = 0;
  Serve<Message>(protocol, kScripted, [&](Message, CallContext, Responder<Message>) { ++handled; });
  network_->accepts.Connect(peer_);
  for (int i = 0; i < 100; ++i) peer_->Send(wire::Message(MessageKind::one_way, 0, "news"));
  Settle();
  EXPECT_FALSE(peer_->reading());
  EXPECT_LE(rain_->StatsOf(protocol).posts_received, 9u);
  while (executor_->RunAll() > 0) Settle();
  EXPECT_EQ(handled, 100u);
  EXPECT_TRUE(peer_->reading());
  loop_->Advance(absl::Minutes(1));
  EXPECT_FALSE(peer_->closed());
}

// It may only have ended its writing. What is sent to it shows: whoever is gone refuses it.
TEST_F(SlowHandlerTest, APeerThatEndsWhileItIsOwedAReplyIsAskedForASignOfLife) {
  auto spec = ScriptedSpec();
  spec.keepalive = absl::Seconds(10);
  const auto protocol = Register(std::move(spec));
  std::vector<Responder<Message>> kept;
  std::vector<CallContext> contexts;
  Serve<Message>(protocol, kScripted, [&](Message, CallContext context, Responder<Message> responder) {
    kept.push_back(std::move(responder));
    contexts.push_back(std::move(context));
  });
  network_->accepts.Connect(peer_);
  peer_->Send(wire::Message(MessageKind::request, 1)).End();
  Settle();
  while (executor_->RunAll() > 0) Settle();
  ASSERT_EQ(kept.size(), 1u);
  const size_t ping = 4 + 24;
  for (size_t pings = 1; pings <= 3; ++pings) {
    loop_->Advance(absl::Seconds(10));
    EXPECT_EQ(peer_->taken().size(), pings * ping);
  }
  EXPECT_FALSE(contexts[0].cancelled());
  peer_->Break(absl::UnavailableError("reset"));
  Settle();
  EXPECT_TRUE(contexts[0].cancelled());
  EXPECT_TRUE(absl::IsUnavailable(kept[0].Reply(Message::Text("to nobody"))));
}

TEST_F(SlowHandlerTest, ATimeoutThatIsOverIsToldAtOnce) {
  const auto protocol = Register(ScriptedSpec());
  const absl::Status sent =
      rain_->Send(protocol, kScripted, Message(), [](absl::StatusOr<Message>) { FAIL(); }, {.timeout = absl::Milliseconds(-5)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(sent)) << sent;
  EXPECT_EQ(rain_->StatsOf(protocol).started, 0u);
}

// What handlers refer to may end right after it.
TEST(DefaultExecutor, HandlersHaveReturnedWhenTheListenRainHasEnded) {
  std::atomic<bool> begun{false};
  std::atomic<bool> returned{false};
  {
    const auto rain = NewListenRain().value();
    const auto protocol = RegisterMessages(*rain).value();
    Router<Message> router;
    router.Otherwise([&](Message, CallContext context, Responder<Message>) {
      begun = true;
      while (!context.cancelled()) std::this_thread::yield();  // until the listener is stopped
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      returned = true;
    });
    const Listener listener = rain->Listen(protocol, "inproc://awaited", std::move(router)).value();
    EXPECT_TRUE(rain->Send(protocol, "inproc://awaited", Message::Text("?"), [](absl::StatusOr<Message>) {}).ok());
    while (!begun) std::this_thread::yield();
  }
  EXPECT_TRUE(returned);
}

TEST_F(SlowHandlerTest, ALargeOneWayMessageAloneIsRead) {
  auto spec = ScriptedSpec();
  spec.limits.max_queued_bytes = 64;
  const auto protocol = Register(std::move(spec));
  size_t handled = 0;
  Serve<Message>(protocol, kScripted, [&](Message, CallContext, Responder<Message>) { ++handled; });
  network_->accepts.Connect(peer_);
  for (int i = 0; i < 3; ++i) peer_->Send(wire::Message(MessageKind::one_way, 0, std::string(1000, 'x')));
  Settle();
  EXPECT_EQ(rain_->StatsOf(protocol).posts_received, 1u);
  while (executor_->RunAll() > 0) Settle();
  EXPECT_EQ(handled, 3u);
}

}  // namespace
}  // namespace rain
