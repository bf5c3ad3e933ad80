// What becomes of requests when a dialed channel dies, and of those that come while there is none.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "listenrain/codecs/endian.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

constexpr char kKey[] = "scripted://service";
constexpr size_t kPacketBytes = 4 + 24 + 1;  // of a compact message with a body of one byte

// The bodies of the compact messages in a stream, each with its id.
std::vector<std::pair<uint64_t, std::string>> MessagesIn(absl::string_view stream) {
  std::vector<std::pair<uint64_t, std::string>> messages;
  while (stream.size() >= 4) {
    const size_t size = Load<uint32_t>(stream.data());
    if (stream.size() < 4 + size) break;
    const absl::string_view payload = stream.substr(4, size);
    messages.emplace_back(Load<uint64_t>(payload.data() + 4), std::string(payload.substr(24)));
    stream.remove_prefix(4 + size);
  }
  return messages;
}

std::string BodiesIn(absl::string_view stream) {
  std::string bodies;
  for (const auto& [id, body] : MessagesIn(stream)) absl::StrAppend(&bodies, body);
  return bodies;
}

class ReconnectTest : public EngineFixture {
 protected:
  ReconnectTest() { network_->dials.retry_after = absl::Milliseconds(10); }

  // With a router its peers may push: there is a channel all the time.
  Protocol<Message> NewProtocol(Limits limits = {}, Router<Message> router = {}) {
    auto spec = MessagesSpec("messages");
    spec.channels.push_back(NewScriptedScheme(network_));
    spec.limits = limits;
    spec.router = std::move(router);
    return Register(std::move(spec));
  }
  // Asks with these bodies, one character each.
  void Ask(const Protocol<Message>& protocol, absl::string_view bodies, const SendOptions& options = {}) {
    for (const char body : bodies) {
      outcomes_.push_back(std::make_unique<Outcome<Message>>());
      const Message message = Message::Text(absl::string_view(&body, 1));
      ASSERT_TRUE(rain_->Send(protocol, kKey, message, outcomes_.back()->callback(), options).ok());
    }
    Settle();
  }
  // Every message the peer was sent is answered with itself.
  void AnswerAll(ScriptedPeer& peer) {
    for (const auto& [id, body] : MessagesIn(peer.taken())) peer.Send(wire::Message(MessageKind::reply, id, body));
    Settle();
  }
  absl::Status StatusOf(size_t index) const { return outcomes_[index]->result.status(); }
  std::shared_ptr<ScriptedPeer> Connect() {
    auto peer = ScriptedPeer::Make();
    network_->dials.Connect(peer);
    return peer;
  }
  void NextAttempt() {
    loop_->Advance(absl::Milliseconds(10));
    Settle();
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  std::vector<std::unique_ptr<Outcome<Message>>> outcomes_;
};

TEST_F(ReconnectTest, WhatWasTakenFailsAndTheRestMovesOnInOrder) {
  const auto protocol = NewProtocol();
  const auto first = Connect();
  const auto second = Connect();
  first->BreakAfterTaking(kPacketBytes + 10, absl::UnavailableError("reset"));
  Ask(protocol, "abcd");
  EXPECT_TRUE(absl::IsUnavailable(StatusOf(0)));
  EXPECT_EQ(BytesSentOf(StatusOf(0)), BytesSent::all);
  EXPECT_TRUE(absl::IsUnavailable(StatusOf(1)));
  EXPECT_EQ(BytesSentOf(StatusOf(1)), BytesSent::part);
  EXPECT_EQ(outcomes_[2]->told + outcomes_[3]->told, 0);
  Ask(protocol, "e");  // there is no channel, and no attempt has failed: it waits
  EXPECT_EQ(second->taken(), "") << "the wait is not over";
  NextAttempt();
  EXPECT_EQ(BodiesIn(second->taken()), "cde");
  AnswerAll(*second);
  for (size_t i = 2; i < 5; ++i) EXPECT_TRUE(StatusOf(i).ok()) << StatusOf(i);
  EXPECT_EQ(rain_->StatsOf(protocol).channels_opened, 2u);
  ExpectBalanced(protocol);
}

// A deadline between the peer's end and the channel's own does not end more than its request.
TEST_F(ReconnectTest, WhatWaitsWhenThePeerEndsMovesOnWhateverElseHappensInThatTurn) {
  const auto protocol = NewProtocol({.window_requests = 1});
  const auto first = Connect();
  const auto second = Connect();
  first->Wait(absl::Seconds(1)).End();
  Ask(protocol, "a");
  Ask(protocol, "b", {.timeout = absl::Seconds(1.001)});
  Ask(protocol, "c", {.timeout = absl::Seconds(60), .wait_for_ready = true});
  loop_->manual_clock().Advance(absl::Seconds(2));  // the end and the deadline are met in one turn
  Settle();
  EXPECT_TRUE(absl::IsDeadlineExceeded(StatusOf(1))) << StatusOf(1);
  EXPECT_EQ(outcomes_[2]->told, 0) << StatusOf(2);
  NextAttempt();
  EXPECT_EQ(BodiesIn(second->taken()), "c");
  ExpectBalanced(protocol);
}

TEST_F(ReconnectTest, EveryByteAtWhichAChannelDiesLosesNothingThatItHadNotTaken) {
  Router<Message> router;
  router.Otherwise([](Message, CallContext, Responder<Message>) {});
  const auto protocol = NewProtocol({}, std::move(router));
  constexpr char kBodies[] = "abcdef";
  for (size_t taken = 0; taken <= 6 * kPacketBytes; ++taken) {
    outcomes_.clear();
    const auto dying = Connect();
    const auto next = Connect();
    NextAttempt();
    dying->BreakAfterTaking(taken, absl::UnavailableError("reset"));
    Ask(protocol, kBodies);
    if (taken == 6 * kPacketBytes) dying->Break(absl::UnavailableError("reset"));
    Settle();
    NextAttempt();
    const size_t begun = (taken + kPacketBytes - 1) / kPacketBytes;
    EXPECT_EQ(BodiesIn(next->taken()), std::string(kBodies).substr(begun)) << taken;
    AnswerAll(*next);
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(outcomes_[i]->told, 1) << taken;
      EXPECT_EQ(StatusOf(i).ok(), i >= begun) << taken << ": " << StatusOf(i);
    }
    next->Break(absl::UnavailableError("reset"));
    Settle();
  }
  ExpectBalanced(protocol);
}

// One that kills whoever gets it kills two, and is not heard of again.
TEST_F(ReconnectTest, AnIdempotentRequestIsSentTwiceAtMost) {
  const auto protocol = NewProtocol();
  const auto first = Connect();
  const auto second = Connect();
  const auto third = Connect();
  Ask(protocol, "a", {.idempotent = true});
  first->Break(absl::UnavailableError("killed"));
  NextAttempt();
  ASSERT_EQ(BodiesIn(second->taken()), "a");
  second->Break(absl::UnavailableError("killed again"));
  NextAttempt();
  EXPECT_TRUE(absl::IsUnavailable(StatusOf(0))) << StatusOf(0);
  EXPECT_EQ(BytesSentOf(StatusOf(0)), BytesSent::all);
  EXPECT_EQ(third->taken(), "");
  ExpectBalanced(protocol);
}

TEST_F(ReconnectTest, ARequestThatWaitsToBeSentAgainKnowsThatItWasSent) {
  const auto protocol = NewProtocol();
  const auto first = Connect();
  Ask(protocol, "a", {.timeout = absl::Seconds(1), .idempotent = true, .wait_for_ready = true});
  network_->dials.Fail(absl::UnavailableError("refused"));
  first->Break(absl::UnavailableError("killed"));
  Settle();
  loop_->Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(StatusOf(0))) << StatusOf(0);
  EXPECT_EQ(BytesSentOf(StatusOf(0)), BytesSent::all);
  EXPECT_NE(StatusOf(0).message().find("refused"), absl::string_view::npos) << StatusOf(0);
}

TEST_F(ReconnectTest, IdempotentRequestsAreSentAgainWithinTheBudget) {
  const auto protocol = NewProtocol({.retry_share = 0, .retry_burst = 2});
  const auto first = Connect();
  const auto second = Connect();
  Ask(protocol, "abc", {.idempotent = true});
  Ask(protocol, "d");
  EXPECT_EQ(BodiesIn(first->taken()), "abcd");
  first->Break(absl::UnavailableError("reset"));
  Settle();
  NextAttempt();
  EXPECT_EQ(BodiesIn(second->taken()), "ab");
  EXPECT_EQ(BytesSentOf(StatusOf(2)), BytesSent::all) << "the budget is spent";
  EXPECT_TRUE(absl::IsUnavailable(StatusOf(3))) << "it is not idempotent";
  AnswerAll(*second);
  EXPECT_TRUE(StatusOf(0).ok() && StatusOf(1).ok());
  ExpectBalanced(protocol);
}

TEST_F(ReconnectTest, PostsThatWereNotTakenMoveOn) {
  const auto protocol = NewProtocol();
  const auto first = Connect();
  const auto second = Connect();
  Ask(protocol, "a");
  first->BreakAfterTaking(kPacketBytes * 2, absl::UnavailableError("reset"));
  for (const char* body : {"p", "q", "r"}) ASSERT_TRUE(rain_->Post(protocol, kKey, Message::Text(body)).ok());
  Settle();
  NextAttempt();
  EXPECT_EQ(BodiesIn(second->taken()), "qr");
  EXPECT_EQ(rain_->Open(protocol, kKey)->box().budget().packets(), 0u);
}

TEST_F(ReconnectTest, WhatIsWrittenGoesOutThoughItsRequestIsGivenUp) {
  const auto protocol = NewProtocol();
  const auto peer = ScriptedPeer::Make();
  peer->Accept(0);
  network_->dials.Connect(peer);
  Cancellation cancellation;
  Ask(protocol, "a", {.cancellation = &cancellation});
  cancellation.Cancel();
  Settle();
  EXPECT_TRUE(absl::IsCancelled(StatusOf(0))) << StatusOf(0);
  EXPECT_EQ(BytesSentOf(StatusOf(0)), BytesSent::unknown) << "it is not safe to send it again";
  peer->Accept(kPacketBytes);
  Settle();
  EXPECT_EQ(BodiesIn(peer->taken()), "a");
}

TEST_F(ReconnectTest, AFailedAttemptFailsWhatWillNotWait) {
  const auto protocol = NewProtocol();
  network_->dials.Fail(absl::UnavailableError("refused"));
  Ask(protocol, "a");
  EXPECT_TRUE(absl::IsUnavailable(StatusOf(0))) << StatusOf(0);
  EXPECT_EQ(BytesSentOf(StatusOf(0)), BytesSent::none);
  Ask(protocol, "b", {.wait_for_ready = true});
  EXPECT_EQ(outcomes_[1]->told, 0);
  Outcome<Message> refused;
  const absl::Status now = rain_->Send(protocol, kKey, Message::Text("c"), refused.callback());
  EXPECT_TRUE(absl::IsUnavailable(now)) << now;
  EXPECT_NE(now.message().find("refused; the next attempt is in 10ms"), absl::string_view::npos) << now;
  const auto up = Connect();
  NextAttempt();
  AnswerAll(*up);
  EXPECT_TRUE(StatusOf(1).ok()) << StatusOf(1);
  EXPECT_EQ(refused.told, 0);
  ExpectBalanced(protocol);
}

TEST_F(ReconnectTest, AWaitingRequestStillHasItsDeadline) {
  const auto protocol = NewProtocol();
  network_->dials.Fail(absl::UnavailableError("refused"));
  Ask(protocol, "a", {.timeout = absl::Milliseconds(15), .wait_for_ready = true});
  NextAttempt();
  network_->dials.Fail(absl::UnavailableError("refused"));
  EXPECT_EQ(outcomes_[0]->told, 0);
  loop_->Advance(absl::Milliseconds(5));
  EXPECT_TRUE(absl::IsDeadlineExceeded(StatusOf(0))) << StatusOf(0);
}

TEST_F(ReconnectTest, AGeneratorThatGivesUpEndsTheTransport) {
  network_->dials.retry_after = std::nullopt;
  const auto protocol = NewProtocol();
  network_->dials.Fail(absl::UnavailableError("refused"));
  Ask(protocol, "a", {.wait_for_ready = true});
  EXPECT_TRUE(absl::IsUnavailable(StatusOf(0))) << StatusOf(0);
  const auto other = Connect();
  Ask(protocol, "b");
  AnswerAll(*other);
  EXPECT_TRUE(StatusOf(1).ok()) << "another transport took its place: " << StatusOf(1);
}

TEST_F(ReconnectTest, ARequestOfThePeersIsAnsweredOnItsOwnChannelOrNot) {
  auto spec = MessagesSpec("messages");
  spec.channels.push_back(NewScriptedScheme(network_));
  std::vector<Responder<Message>> kept;
  std::vector<CallContext> contexts;
  spec.router.Otherwise([&](Message, CallContext context, Responder<Message> responder) {
    contexts.push_back(std::move(context));
    kept.push_back(std::move(responder));
  });
  const auto protocol = Register(std::move(spec));
  const auto first = Connect();
  const auto second = Connect();
  Ask(protocol, "a");
  const std::string request = wire::Message(MessageKind::request, 7, "?");
  first->Send(request);
  Settle();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_FALSE(contexts[0].cancelled());
  first->Break(absl::UnavailableError("reset"));
  Settle();
  EXPECT_TRUE(contexts[0].cancelled());
  NextAttempt();
  second->Send(request);
  Settle();
  ASSERT_EQ(kept.size(), 2u) << "its id is free again";
  EXPECT_TRUE(absl::IsUnavailable(kept[0].Reply(Message::Text("old"))));
  EXPECT_TRUE(kept[1].Reply(Message::Text("new")).ok());
  Settle();
  EXPECT_EQ(BodiesIn(second->taken()), "new");
}

TEST_F(ReconnectTest, WithoutIdsRepliesMatchOnEveryChannel) {
  ProtocolSpec<std::string> spec;
  spec.name = "lines";
  spec.packet_codec = NewLinePacketCodec();
  spec.message_codec = NewLineCodec();
  spec.channels.push_back(NewScriptedScheme(network_));
  const auto protocol = Register(std::move(spec));
  const auto first = Connect();
  const auto second = Connect();
  first->BreakAfterTaking(4, absl::UnavailableError("reset"));  // "a\nb\n"
  Outcome<std::string> a, b, c, d;
  for (auto [line, outcome] : {std::pair("a", &a), {"b", &b}, {"c", &c}, {"d", &d}}) {
    ASSERT_TRUE(rain_->Send(protocol, kKey, line, outcome->callback()).ok());
  }
  Settle();
  EXPECT_TRUE(absl::IsUnavailable(a.result.status()) && absl::IsUnavailable(b.result.status()));
  NextAttempt();
  EXPECT_EQ(second->taken(), "c\nd\n");
  second->Send("C\nD\n");
  Settle();
  EXPECT_EQ(*c.result, "C");
  EXPECT_EQ(*d.result, "D");
}

TEST_F(ReconnectTest, CarriedIdsStayInFlightAcrossChannels) {
  ProtocolSpec<UuidMessage> spec;
  spec.name = "uuids";
  spec.message_codec = NewUuidCodec(UuidForm::binary);
  spec.channels.push_back(NewScriptedScheme(network_));
  const auto protocol = Register(std::move(spec));
  const auto first = Connect();
  first->BreakAfterTaking(0, absl::UnavailableError("reset"));
  const UuidMessage message{.id = std::string(16, 'i'), .text = "x"};
  Outcome<UuidMessage> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, message, outcome.callback()).ok());
  Settle();
  Outcome<UuidMessage> twice;
  EXPECT_TRUE(absl::IsAlreadyExists(rain_->Send(protocol, kKey, message, twice.callback())));
  const auto second = Connect();
  NextAttempt();
  EXPECT_NE(second->taken().find(message.id), std::string::npos);
  EXPECT_EQ(outcome.told, 0);
  rain_->Stop();
  Settle();
  EXPECT_EQ(outcome.told, 1);
}

TEST(Backoff, WaitsAreRandomInIntervalsThatDoubleUntilAHealthyChannel) {
  ManualLoop loop;
  const absl::Status why = absl::UnavailableError("refused");
  const BackoffOptions options{.first = absl::Milliseconds(100), .most = absl::Milliseconds(400), .healthy = absl::Seconds(1)};
  absl::Duration longest[5] = {};
  absl::Duration sum;
  for (int round = 0; round < 1000; ++round) {
    Backoff backoff(options);
    for (absl::Duration& most : longest) most = std::max(most, *backoff.RetryAfter(loop, why, absl::ZeroDuration()));
    EXPECT_LE(*backoff.RetryAfter(loop, why, absl::Milliseconds(999)), absl::Milliseconds(400));
    const absl::Duration anew = *backoff.RetryAfter(loop, why, absl::Seconds(1));
    EXPECT_LE(anew, absl::Milliseconds(100));
    sum += anew;
  }
  const int bounds[5] = {100, 200, 400, 400, 400};
  for (int i = 0; i < 5; ++i) {
    EXPECT_LE(longest[i], absl::Milliseconds(bounds[i]));
    EXPECT_GT(longest[i], absl::Milliseconds(bounds[i]) * 0.9) << "of 1,000, one is near the end";
  }
  EXPECT_NEAR(absl::FDivDuration(sum / 1000, absl::Milliseconds(1)), 50, 5);
}

TEST(Backoff, TheCallersMistakesAreNotTriedAgain) {
  ManualLoop loop;
  Backoff backoff({});
  EXPECT_EQ(backoff.RetryAfter(loop, absl::PermissionDeniedError("no"), absl::ZeroDuration()), std::nullopt);
}

TEST(Backoff, OptionsOfAKeyAreRead) {
  EXPECT_EQ(ParseBackoffOptions("tcp://a:1?backoff=20&backoff_max=3000")->first, absl::Milliseconds(20));
  EXPECT_EQ(ParseBackoffOptions("tcp://a:1?backoff=20&backoff_max=3000")->most, absl::Seconds(3));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseBackoffOptions("tcp://a:1?backoff=soon").status()));
}

}  // namespace
}  // namespace rain
