// What a full queue means to those who send: refused, waiting for room, told of room.
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kKey[] = "inproc://narrow";

// A service that answers when it is told to, behind a window of one request and a queue of two.
class RoomTest : public EngineFixture {
 protected:
  void SetUp() override { Narrow({}); }
  void Narrow(Limits limits) {
    auto spec = MessagesSpec(absl::StrCat("narrow ", ++protocols_));
    spec.limits = limits;
    spec.limits.window_requests = 1;
    spec.limits.max_queued_packets = 2;
    protocol_ = Register(std::move(spec));
  }
  void Listen() {
    Serve<Message>(protocol_, kKey, [this](Message message, CallContext, Responder<Message> responder) {
      arrived_.push_back(message.text());
      waiting_.push_back(std::move(responder));
    });
  }
  absl::Status Ask(const std::string& text, Outcome<Message>& outcome, SendOptions options = {}) {
    absl::Status sent = rain_->Send(protocol_, kKey, Message::Text(text), outcome.callback(), options);
    Settle();
    return sent;
  }
  absl::Status Ask(const std::string& text, SendOptions options = {}) { return Ask(text, outcomes_.emplace_back(), options); }
  absl::Status AskAndWait(const std::string& text) { return Ask(text, {.on_overflow = Overflow::wait}); }
  // One in flight, two in the queue.
  void Fill() {
    for (const char* text : {"in flight", "queued 1", "queued 2"}) ASSERT_TRUE(Ask(text).ok());
    ASSERT_TRUE(absl::IsResourceExhausted(Ask("refused")));
    outcomes_.pop_back();
  }
  void AnswerOne() {
    ASSERT_FALSE(waiting_.empty());
    Responder<Message> next = std::move(waiting_.front());
    waiting_.pop_front();
    ASSERT_TRUE(next.Reply(Message::Text("done")).ok());
    Settle();
  }
  void AnswerAll() {
    while (!waiting_.empty()) AnswerOne();
  }
  void ExpectAllReplied() {
    for (const auto& outcome : outcomes_) {
      EXPECT_EQ(outcome.told, 1);
      EXPECT_TRUE(outcome.result.ok()) << outcome.result.status();
    }
    ExpectNothingIsHeld();
  }
  void ExpectNothingIsHeld() {
    ExpectBalanced(protocol_);
    EXPECT_EQ(rain_->StatsOf(protocol_).in_flight, 0u);
    if (auto handle = rain_->Open(protocol_, kKey); handle.ok()) {
      EXPECT_EQ(handle->box().budget().packets(), 0u);
      EXPECT_EQ(handle->box().budget().bytes(), 0u);
      EXPECT_EQ(handle->box().budget().waiting(), 0u);
    }
  }

  int protocols_ = 0;
  Protocol<Message> protocol_;
  std::vector<std::string> arrived_;
  std::deque<Responder<Message>> waiting_;
  std::deque<Outcome<Message>> outcomes_;
};

TEST_F(RoomTest, WhoWaitsIsSentInOrderWhenThereIsRoom) {
  Listen();
  Fill();
  for (const char* text : {"waits 1", "waits 2", "waits 3"}) ASSERT_TRUE(AskAndWait(text).ok());
  EXPECT_EQ(outcomes_.back().told, 0);
  EXPECT_EQ(rain_->StatsOf(protocol_).waited, 3u);
  AnswerAll();
  EXPECT_THAT(arrived_, ElementsAre("in flight", "queued 1", "queued 2", "waits 1", "waits 2", "waits 3"));
  ExpectAllReplied();
}

TEST_F(RoomTest, WhileSomeWaitOthersAreRefused) {
  Listen();
  Fill();
  ASSERT_TRUE(AskAndWait("waits").ok());
  const absl::Status refused = Ask("refused");
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("1 requests wait for room"));
  outcomes_.pop_back();
  AnswerOne();
  AnswerOne();  // nobody waits, and there is room
  EXPECT_TRUE(Ask("last").ok());
  AnswerAll();
  ExpectAllReplied();
}

TEST_F(RoomTest, WithRoomNobodyWaits) {
  Listen();
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(AskAndWait(text).ok());
  EXPECT_EQ(rain_->StatsOf(protocol_).waited, 0u);
  AnswerAll();
  ExpectAllReplied();
}

TEST_F(RoomTest, TheDeadlineCoversTheWaitAndSaysSo) {
  Listen();
  Fill();
  Outcome<Message> late;
  ASSERT_TRUE(Ask("late", late, {.timeout = absl::Milliseconds(10), .on_overflow = Overflow::wait}).ok());
  loop_->Advance(absl::Milliseconds(10) - absl::Nanoseconds(1));
  EXPECT_EQ(late.told, 0);
  loop_->Advance(absl::Nanoseconds(1));
  ASSERT_EQ(late.told, 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.result.status())) << late.result.status();
  EXPECT_THAT(std::string(late.result.status().message()), HasSubstr("waited for room"));
  EXPECT_EQ(BytesSentOf(late.result.status()), BytesSent::none);
  AnswerAll();
  EXPECT_THAT(arrived_, ElementsAre("in flight", "queued 1", "queued 2"));
  ExpectAllReplied();
}

TEST_F(RoomTest, OneThatGivesUpLetsTheNextHaveItsPlace) {
  Limits limits;
  limits.max_queued_bytes = 1000;
  Narrow(limits);
  Listen();
  ASSERT_TRUE(Ask("in flight").ok());
  ASSERT_TRUE(Ask(std::string(600, 'q')).ok());
  Outcome<Message> large;
  Cancellation cancellation;
  ASSERT_TRUE(Ask(std::string(700, 'l'), large, {.on_overflow = Overflow::wait, .cancellation = &cancellation}).ok());
  ASSERT_TRUE(AskAndWait("small").ok());
  const auto handle = rain_->Open(protocol_, kKey);
  EXPECT_EQ(handle->box().budget().waiting(), 2u) << "one that would fit overtook one that came before it";
  cancellation.Cancel();
  Settle();
  EXPECT_TRUE(absl::IsCancelled(large.result.status())) << large.result.status();
  EXPECT_EQ(large.told, 1);
  EXPECT_EQ(handle->box().budget().waiting(), 0u);
  AnswerAll();
  EXPECT_THAT(arrived_, ElementsAre("in flight", std::string(600, 'q'), "small"));
  ExpectAllReplied();
}

TEST_F(RoomTest, WhatWillNeverFitIsRefusedAtOnce) {
  Limits limits;
  limits.max_queued_bytes = 1000;
  Narrow(limits);
  Listen();
  Fill();
  const absl::Status refused = AskAndWait(std::string(1001, 'x'));
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  outcomes_.pop_back();
  ASSERT_TRUE(AskAndWait("another").ok());
  AnswerAll();
  ExpectAllReplied();
}

TEST_F(RoomTest, AnIdThatWaitsIsInFlight) {
  ProtocolSpec<UuidMessage> spec;
  spec.name = "uuid";
  spec.message_codec = NewUuidCodec(UuidForm::binary);
  spec.limits.max_queued_packets = 1;
  const auto protocol = Register(std::move(spec));
  const std::string first(16, 'a');
  const std::string second(16, 'b');
  const SendOptions wait{.wait_for_ready = true, .on_overflow = Overflow::wait};
  std::vector<Outcome<UuidMessage>> outcomes(3);
  ASSERT_TRUE(rain_->Send(protocol, kKey, UuidMessage{first, "queued"}, outcomes[0].callback(), wait).ok());
  ASSERT_TRUE(rain_->Send(protocol, kKey, UuidMessage{second, "waits"}, outcomes[1].callback(), wait).ok());
  const absl::Status twice = rain_->Send(protocol, kKey, UuidMessage{second, "again"}, outcomes[2].callback(), wait);
  EXPECT_TRUE(absl::IsAlreadyExists(twice)) << twice;
  EXPECT_EQ(rain_->Open(protocol, kKey)->box().budget().waiting(), 1u) << "the refused one still waits";
  ServeEcho(protocol, kKey);
  loop_->Advance(absl::Seconds(1));
  for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(outcomes[i].result.ok()) << outcomes[i].result.status();
  ExpectBalanced(protocol);
}

TEST_F(RoomTest, WhileTheOtherSideIsDownOnlyThoseWaitWhoSaidSo) {
  const SendOptions ready{.wait_for_ready = true, .on_overflow = Overflow::wait};
  for (const char* text : {"queued 1", "queued 2"})
    ASSERT_TRUE(rain_->Send(protocol_, kKey, Message::Text(text), outcomes_.emplace_back().callback(), ready).ok());
  Outcome<Message> impatient;
  ASSERT_TRUE(
      rain_->Send(protocol_, kKey, Message::Text("impatient"), impatient.callback(), {.on_overflow = Overflow::wait}).ok());
  ASSERT_TRUE(rain_->Send(protocol_, kKey, Message::Text("waits"), outcomes_.emplace_back().callback(), ready).ok());
  Settle();  // nobody listens
  EXPECT_TRUE(absl::IsUnavailable(impatient.result.status())) << impatient.result.status();
  EXPECT_EQ(impatient.told, 1);
  Listen();
  loop_->Advance(absl::Seconds(1));
  AnswerAll();
  EXPECT_THAT(arrived_, ElementsAre("queued 1", "queued 2", "waits"));
  ExpectAllReplied();
}

TEST_F(RoomTest, StoppingEndsThoseWhoWait) {
  Listen();
  Fill();
  ASSERT_TRUE(AskAndWait("waits").ok());
  int told_of_room = 0;
  ASSERT_TRUE(rain_->WhenRoom(protocol_, kKey, [&] { ++told_of_room; }).ok());
  Settle();
  rain_->Stop();
  Settle();
  for (const auto& outcome : outcomes_) {
    EXPECT_EQ(outcome.told, 1);
    EXPECT_TRUE(absl::IsCancelled(outcome.result.status())) << outcome.result.status();
  }
  EXPECT_EQ(told_of_room, 1) << "so that it may hear why";
  EXPECT_EQ(rain_->StatsOf(protocol_).cancelled, 4u);
  ExpectBalanced(protocol_);
}

TEST_F(RoomTest, ADrainServesThoseWhoWait) {
  const TransportScheme scheme = NewInprocScheme();
  const auto narrow = [&] {
    auto spec = MessagesSpec("narrow");
    spec.channels = {scheme};
    spec.limits.window_requests = 1;
    spec.limits.max_queued_packets = 2;
    return spec;
  };
  ListenRain::Parts parts;
  parts.loops = {loop_};
  parts.buffers = buffers_;
  parts.executor = NewInlineExecutor();
  parts.packet_codec = NewLengthPrefixCodec();
  ListenRain client(std::move(parts));
  const auto asking = client.Register(narrow()).value();
  protocol_ = Register(narrow());
  Listen();
  for (int i = 0; i < 5; ++i) {
    const auto sent =
        client.Send(asking, kKey, Message::Text("x"), outcomes_.emplace_back().callback(), {.on_overflow = Overflow::wait});
    ASSERT_TRUE(sent.ok()) << sent;
    Settle();
  }
  EXPECT_EQ(client.StatsOf(asking).waited, 2u);
  client.Drain(absl::Seconds(5));
  Settle();
  AnswerAll();
  for (const auto& outcome : outcomes_) EXPECT_TRUE(outcome.result.ok()) << outcome.result.status();
  EXPECT_TRUE(client.StatsOf(asking).Balanced());
  client.Stop();
  Settle();
}

TEST_F(RoomTest, ACoroutineWaitsForRoom) {
  Listen();
  Fill();
  const auto handle = rain_->Open(protocol_, kKey);
  absl::Status outcome = absl::UnknownError("not told");
  Spawn(*NewInlineExecutor(), [](const TransportHandle<Message>& server, absl::Status& status) -> Task<void> {
    status = (co_await server.CoSend(Message::Text("coroutine"), {.on_overflow = Overflow::wait})).status();
  }(*handle, outcome));
  Settle();
  EXPECT_EQ(handle->box().budget().waiting(), 1u);
  AnswerAll();
  EXPECT_TRUE(outcome.ok()) << outcome;
  ExpectAllReplied();
}

TEST_F(RoomTest, OneWayMessagesDoNotWait) {
  Listen();
  Fill();
  const absl::Status refused = rain_->Post(protocol_, kKey, Message::Text("news"), {.on_overflow = Overflow::wait});
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  AnswerAll();
  ExpectAllReplied();
}

TEST_F(RoomTest, WhoAskedIsToldOnceWhenHalfOfTheQueueIsFree) {
  Listen();
  Fill();
  int told = 0;
  ASSERT_TRUE(rain_->WhenRoom(protocol_, kKey, [&] { ++told; }).ok());
  Settle();
  EXPECT_EQ(told, 0) << "the queue is full";
  AnswerOne();
  EXPECT_EQ(told, 1) << "one of two packets is left";
  AnswerAll();
  EXPECT_EQ(told, 1);
  ExpectAllReplied();
}

TEST_F(RoomTest, WhoAskedIsToldAfterThoseWhoWaitWereTaken) {
  Listen();
  Fill();
  ASSERT_TRUE(AskAndWait("waits").ok());
  std::vector<size_t> told_at;
  ASSERT_TRUE(rain_->WhenRoom(protocol_, kKey, [&] { told_at.push_back(arrived_.size()); }).ok());
  AnswerAll();
  EXPECT_THAT(told_at, ElementsAre(3u)) << "in flight: the third. In the queue: the one that waited";
  ExpectAllReplied();
}

TEST_F(RoomTest, WithRoomWhoAskedIsToldButNotInsideTheCall) {
  Listen();
  int told = 0;
  ASSERT_TRUE(rain_->WhenRoom(protocol_, kKey, [&] { ++told; }).ok());
  EXPECT_EQ(told, 0);
  Settle();
  EXPECT_EQ(told, 1);
}

TEST_F(RoomTest, WhoIsToldMaySendAndAskAgain) {
  Listen();
  Fill();
  int told = 0;
  const auto feed = [&](auto& self) -> void {
    if (++told == 10) return;
    for (absl::Status sent; sent.ok();)
      sent = rain_->Send(protocol_, kKey, Message::Text("more"), [](absl::StatusOr<Message>) {});
    ASSERT_TRUE(rain_->WhenRoom(protocol_, kKey, [&] { self(self); }).ok());
  };
  ASSERT_TRUE(rain_->WhenRoom(protocol_, kKey, [&] { feed(feed); }).ok());
  AnswerAll();
  EXPECT_EQ(told, 10);
  ExpectNothingIsHeld();
}

}  // namespace
}  // namespace rain
