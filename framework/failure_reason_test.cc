// Why calls failed: each reason by itself, and that they sum up.
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/scripted_scheme.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr char kKey[] = "scripted://service";
constexpr size_t kPacketBytes = 4 + 24 + 1;  // of a compact message with a body of one byte

class FailureReasonTest : public EngineFixture {
 protected:
  void SetUp() override { Use({}); }
  void Use(const Limits& limits) {
    auto spec = MessagesSpec(absl::StrCat("messages ", ++protocols_));
    spec.channels.push_back(NewScriptedScheme(network_));
    spec.limits = limits;
    protocol_ = Register(std::move(spec));
  }
  absl::Status Ask(const SendOptions& options = {}, absl::string_view text = "x") {
    outcomes_.push_back(std::make_unique<Outcome<Message>>());
    const absl::Status sent = rain_->Send(protocol_, kKey, Message::Text(text), outcomes_.back()->callback(), options);
    Settle();
    return sent;
  }
  // From a thread that does not run the loop: refused there, what fails has been accepted by Send.
  template <class M>
  void AskFromOutside(const Protocol<M>& protocol, const M& message, Outcome<M>& outcome, const SendOptions& options = {}) {
    std::thread([&] { EXPECT_TRUE(rain_->Send(protocol, kKey, message, outcome.callback(), options).ok()); }).join();
  }
  void AskFromOutside(const SendOptions& options = {}) {
    outcomes_.push_back(std::make_unique<Outcome<Message>>());
    AskFromOutside(protocol_, Message::Text("x"), *outcomes_.back(), options);
  }
  // The reasons that were counted, with how often.
  template <class M>
  std::vector<std::pair<std::string, uint64_t>> Reasons(const Protocol<M>& protocol) {
    const Stats stats = rain_->StatsOf(protocol);
    std::vector<std::pair<std::string, uint64_t>> reasons;
    for (size_t i = 0; i < kFailureReasons; ++i) {
      const auto reason = static_cast<FailureReason>(i);
      if (stats.Failures(reason) > 0) reasons.emplace_back(std::string(ToString(reason)), stats.Failures(reason));
    }
    ExpectBalanced(protocol);
    return reasons;
  }
  auto Reasons() { return Reasons(protocol_); }
  Stats stats() { return rain_->StatsOf(protocol_); }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  const std::shared_ptr<ScriptedPeer> peer_ = ScriptedPeer::Make();
  int protocols_ = 0;
  Protocol<Message> protocol_;
  std::vector<std::unique_ptr<Outcome<Message>>> outcomes_;
};

TEST_F(FailureReasonTest, NothingFailedHasNoReason) {
  network_->dials.Connect(peer_);
  ASSERT_TRUE(Ask().ok());
  EXPECT_THAT(Reasons(), IsEmpty());
}

TEST_F(FailureReasonTest, ADeadlineBeforeThereIsAChannel) {
  ASSERT_TRUE(Ask({.timeout = absl::Milliseconds(1)}).ok());
  loop_->Advance(absl::Milliseconds(1));
  EXPECT_THAT(Reasons(), ElementsAre(Pair("deadline_connecting", 1)));
  EXPECT_EQ(stats().timed_out, 1u);
}

TEST_F(FailureReasonTest, DeadlinesInTheQueueAndOnTheWire) {
  Limits limits;
  limits.window_requests = 1;
  limits.max_queued_packets = 1;
  Use(limits);
  network_->dials.Connect(peer_);
  for (int i = 0; i < 3; ++i) {  // written, queued, waiting for room; the last one's deadline is the first
    ASSERT_TRUE(Ask({.timeout = absl::Milliseconds(3 - i), .on_overflow = Overflow::wait}).ok());
  }
  loop_->Advance(absl::Milliseconds(3));
  EXPECT_THAT(Reasons(), ElementsAre(Pair("deadline_queued", 2), Pair("deadline_awaiting", 1)));
  EXPECT_EQ(stats().timed_out, 3u);
}

TEST_F(FailureReasonTest, TheCallerCancels) {
  network_->dials.Connect(peer_);
  Cancellation sent;
  Cancellation coming;
  ASSERT_TRUE(Ask({.cancellation = &sent}).ok());
  sent.Cancel();
  AskFromOutside({.cancellation = &coming});
  coming.Cancel();
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("cancelled", 2)));
  EXPECT_EQ(stats().cancelled, 2u);
}

TEST_F(FailureReasonTest, ADeadlineInTheMailboxOfABusyLoop) {
  network_->dials.Connect(peer_);
  ASSERT_TRUE(Ask().ok());
  const uint64_t sent_before = stats().bytes_out;
  AskFromOutside({.timeout = absl::Milliseconds(5)});
  loop_->manual_clock().Advance(absl::Milliseconds(5));
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("deadline_queued", 1)));
  EXPECT_EQ(stats().bytes_out, sent_before);
  EXPECT_EQ(BytesSentOf(outcomes_.back()->result.status()), BytesSent::none);
}

TEST_F(FailureReasonTest, AStopClosesWhateverIsInFlightAndWhateverComes) {
  network_->dials.Connect(peer_);
  ASSERT_TRUE(Ask().ok());
  AskFromOutside();  // in the mailbox
  rain_->Stop();
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("closed", 2)));
  EXPECT_EQ(stats().cancelled, 2u);
}

TEST_F(FailureReasonTest, ACloseIsOursWhateverItsCode) {
  network_->dials.Connect(peer_);
  ASSERT_TRUE(Ask().ok());
  rain_->Open(protocol_, kKey)->connection().Close(absl::UnavailableError("a better one was found"));
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("closed", 1)));
  EXPECT_EQ(stats().failed, 1u);
}

TEST_F(FailureReasonTest, ADrainRefusesWhatComes) {
  network_->dials.Connect(peer_);
  ASSERT_TRUE(Ask().ok());
  AskFromOutside();
  loop_->Run([this] { rain_->Drain(absl::Seconds(1)); });
  AskFromOutside();
  Settle();
  loop_->Advance(absl::Seconds(1));
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("closed", 3)));
}

TEST_F(FailureReasonTest, ConnectingFails) {
  network_->dials.retry_after = absl::Seconds(1);
  ASSERT_TRUE(Ask().ok());
  network_->dials.Fail(absl::UnavailableError("refused"));
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("connect_failed", 1)));
  AskFromOutside();  // it is down, as is known now
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("connect_failed", 2)));
}

TEST_F(FailureReasonTest, ConnectingThatTimesOutIsCountedAlikeFromEverywhere) {
  network_->dials.retry_after = absl::Seconds(1);
  ASSERT_TRUE(Ask().ok());
  network_->dials.Fail(absl::DeadlineExceededError("no answer"));
  Settle();
  AskFromOutside();
  Settle();
  for (const auto& outcome : outcomes_) EXPECT_TRUE(absl::IsDeadlineExceeded(outcome->result.status()));
  EXPECT_THAT(Reasons(), ElementsAre(Pair("connect_failed", 2)));
  EXPECT_EQ(stats().timed_out, 2u);
}

TEST_F(FailureReasonTest, AGeneratorThatGivesUpHasFailedToConnect) {
  ASSERT_TRUE(Ask({.wait_for_ready = true}).ok());
  network_->dials.Fail(absl::PermissionDeniedError("no"));
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("connect_failed", 1)));
}

TEST_F(FailureReasonTest, AChannelIsLostWithWhatWasSentAndWhatWasNot) {
  Limits limits;
  limits.window_requests = 3;
  Use(limits);
  network_->dials.Connect(peer_);
  peer_->BreakAfterTaking(kPacketBytes + 1, absl::UnavailableError("reset"));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(rain_->Send(protocol_, kKey, Message::Text("x"), outcomes_.emplace_back(new Outcome<Message>)->callback()).ok());
  }
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("lost_unsent", 2), Pair("lost_sent", 2)));
  EXPECT_EQ(stats().failed, 4u);
}

TEST_F(FailureReasonTest, ThisSideHangsUpOnWhatIsNoPacket) {
  Limits limits;
  limits.max_packet_bytes = 1000;
  Use(limits);
  network_->dials.Connect(peer_);
  ASSERT_TRUE(Ask().ok());
  peer_->Send(wire::Length(1 << 20));
  Settle();
  EXPECT_THAT(Reasons(), ElementsAre(Pair("hung_up", 1)));
}

TEST_F(FailureReasonTest, APacketThatIsTooLargeOnlyWithItsFrame) {
  Limits limits;
  limits.max_packet_bytes = kPacketBytes - 1;
  Use(limits);
  network_->dials.Connect(peer_);
  ASSERT_TRUE(Ask().ok()) << "the payload fits";
  EXPECT_TRUE(absl::IsResourceExhausted(outcomes_[0]->result.status()));
  EXPECT_THAT(Reasons(), ElementsAre(Pair("too_large", 1)));
}

TEST_F(FailureReasonTest, TheIdIsInFlight) {
  ProtocolSpec<UuidMessage> spec;
  spec.name = "uuids";
  spec.channels.push_back(NewScriptedScheme(network_));
  spec.message_codec = NewUuidCodec(UuidForm::binary);
  const auto protocol = Register(std::move(spec));
  network_->dials.Connect(peer_);
  Outcome<UuidMessage> first;
  Outcome<UuidMessage> second;
  AskFromOutside(protocol, UuidMessage{"0123456789abcdef", "x"}, first);
  AskFromOutside(protocol, UuidMessage{"0123456789abcdef", "x"}, second);
  Settle();
  EXPECT_TRUE(absl::IsAlreadyExists(second.result.status())) << second.result.status();
  EXPECT_THAT(Reasons(protocol), ElementsAre(Pair("id_in_flight", 1)));
  rain_->Stop();
  Settle();
  EXPECT_EQ(first.told, 1);
}

TEST_F(FailureReasonTest, ACodecFails) {
  ProtocolSpec<std::string> spec;
  spec.name = "lines";
  spec.channels.push_back(NewScriptedScheme(network_));
  spec.packet_codec = NewLinePacketCodec();
  spec.message_codec = NewLineCodec();
  const auto protocol = Register(std::move(spec));
  Outcome<std::string> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, "two\nlines", outcome.callback()).ok()) << "it is framed when there is a channel";
  network_->dials.Connect(peer_);
  Settle();
  EXPECT_TRUE(absl::IsInvalidArgument(outcome.result.status())) << outcome.result.status();
  EXPECT_THAT(Reasons(protocol), ElementsAre(Pair("part_failed", 1)));
}

// Throws what it is to hold.
class ThrowingQueue final : public Queue {
 public:
  void Push(Outgoing&) override { throw std::runtime_error("full of woe"); }
  void PushFront(Outgoing&) override {}
  Outgoing* Pop() override { return nullptr; }
  void Remove(Outgoing&) override {}
  size_t size() const override { return 0; }
};

TEST_F(FailureReasonTest, AQueueThrows) {
  auto spec = MessagesSpec("woe");
  spec.channels.push_back(NewScriptedScheme(network_));
  spec.queue = [] { return std::make_unique<ThrowingQueue>(); };
  protocol_ = Register(std::move(spec));
  ASSERT_TRUE(Ask().ok());
  EXPECT_THAT(Reasons(), ElementsAre(Pair("part_failed", 1)));
}

TEST_F(FailureReasonTest, ThePeersErrorsAreCountedByCode) {
  const auto protocol = Register(MessagesSpec("echo"));
  int asked = 0;
  Serve<Message>(protocol, "inproc://errors", [&](Message, CallContext, Responder<Message> responder) {
    const absl::Status why = ++asked == 1 ? absl::NotFoundError("no") : absl::DeadlineExceededError("it took too long there");
    responder.Fail(why).IgnoreError();
  });
  for (int i = 0; i < 3; ++i) {
    Outcome<Message> outcome;
    ASSERT_TRUE(rain_->Send(protocol, "inproc://errors", Message::Text("x"), outcome.callback()).ok());
    Settle();
    EXPECT_EQ(outcome.told, 1);
  }
  EXPECT_THAT(Reasons(protocol), ElementsAre(Pair("peer_error", 3)));
  const Stats stats = rain_->StatsOf(protocol);
  EXPECT_EQ(stats.failed, 3u) << "whatever the code: this side's own deadline has not come";
  EXPECT_EQ(stats.PeerErrors(absl::StatusCode::kNotFound), 1u);
  EXPECT_EQ(stats.PeerErrors(absl::StatusCode::kDeadlineExceeded), 2u);
}

TEST(StatusCodes, AnUnknownOneCountsAsUnknown) {
  EXPECT_EQ(IndexOf(absl::StatusCode::kUnauthenticated), kStatusCodes - 1);
  EXPECT_EQ(IndexOf(static_cast<absl::StatusCode>(99)), IndexOf(absl::StatusCode::kUnknown));
}

TEST_F(FailureReasonTest, WhatSendRefusesIsCountedApart) {
  Limits limits;
  limits.window_requests = 1;
  limits.max_queued_packets = 1;
  limits.max_packet_bytes = 100;
  Use(limits);
  network_->dials.Connect(peer_);
  Settle();
  ASSERT_TRUE(Ask().ok());
  ASSERT_TRUE(Ask().ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Ask()));
  EXPECT_EQ(stats().refused, 1u);
  EXPECT_EQ(stats().refused_full, 1u);
  EXPECT_TRUE(absl::IsResourceExhausted(Ask({}, std::string(200, 'x'))));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Ask({.timeout = -absl::Seconds(1)})));
  EXPECT_EQ(stats().refused, 3u);
  EXPECT_EQ(stats().refused_full, 1u);
  EXPECT_EQ(stats().started, 2u);
  EXPECT_THAT(Reasons(), IsEmpty());
}

}  // namespace
}  // namespace rain
