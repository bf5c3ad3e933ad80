// What InFlight tells: each stage of a call, its age, and nothing that is over.
#include "listenrain/framework/in_flight.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kKey[] = "inproc://service";
constexpr char kScripted[] = "scripted://service";
constexpr size_t kHeaderBytes = 24;  // of a compact message

class InFlightTest : public EngineFixture {
 protected:
  using EngineFixture::EngineFixture;

  template <class M>
  InFlightReport Look(const Protocol<M>& protocol, size_t most_calls = 20) {
    std::optional<InFlightReport> report;
    rain_->InFlightThen(
        protocol, [&report](InFlightReport found) { report = std::move(found); }, most_calls);
    EXPECT_FALSE(report.has_value()) << "told inside InFlightThen";
    Settle();
    EXPECT_TRUE(report.has_value());
    return report.has_value() ? *std::move(report) : InFlightReport();
  }
  // The one transport with this role that has something in flight.
  template <class M>
  TransportInFlight LookAt(const Protocol<M>& protocol, Role role, size_t most_calls = 20) {
    std::vector<TransportInFlight> found;
    for (TransportInFlight& each : Look(protocol, most_calls).transports) {
      if (each.role == role) found.push_back(std::move(each));
    }
    EXPECT_EQ(found.size(), 1u);
    return found.size() == 1 ? found.front() : TransportInFlight();
  }
  Protocol<Message> Scripted(const Limits& limits = {}) {
    auto spec = MessagesSpec("scripted");
    spec.channels.push_back(NewScriptedScheme(network_));
    spec.limits = limits;
    return Register(std::move(spec));
  }
  void Keep(const Protocol<Message>& protocol, const std::string& key) {
    Serve<Message>(protocol, key,
                   [this](Message, CallContext, Responder<Message> responder) { kept_.push_back(std::move(responder)); });
  }
  template <class M>
  void Ask(const Protocol<M>& protocol, const std::string& key, const M& message, const SendOptions& options = {}) {
    ASSERT_TRUE(rain_
                    ->Send(
                        protocol, key, message, [](absl::StatusOr<M>) {}, options)
                    .ok());
    Settle();
  }
  void Ask(const Protocol<Message>& protocol, const std::string& key, absl::string_view text, const SendOptions& options = {}) {
    Ask(protocol, key, Message::Text(text), options);
  }
  void TearDown() override {
    kept_.clear();
    EngineFixture::TearDown();
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  const std::shared_ptr<ScriptedPeer> peer_ = ScriptedPeer::Make();
  std::deque<Responder<Message>> kept_;
};

std::vector<CallStage> StagesOf(const TransportInFlight& transport) {
  std::vector<CallStage> stages;
  for (const InFlightCall& call : transport.calls) stages.push_back(call.stage);
  return stages;
}

TEST_F(InFlightTest, ARequestThatWasWrittenAwaitsAndItsPeerHasItDispatched) {
  const auto protocol = Register(MessagesSpec("messages"));
  Keep(protocol, kKey);
  Ask(protocol, kKey, "hello", {.timeout = absl::Milliseconds(100)});
  loop_->Advance(absl::Milliseconds(30));
  const TransportInFlight ours = LookAt(protocol, Role::dialer);
  EXPECT_EQ(ours.protocol, "messages");
  EXPECT_EQ(ours.key.text(), kKey);
  EXPECT_EQ(ours.state, LinkState::connected);
  EXPECT_EQ(ours.requests, 1u);
  EXPECT_EQ(ours.peer_requests, 0u);
  ASSERT_THAT(StagesOf(ours), ElementsAre(CallStage::awaiting));
  EXPECT_EQ(ours.calls[0].age, absl::Milliseconds(30));
  EXPECT_EQ(ours.calls[0].remaining, absl::Milliseconds(70));
  EXPECT_EQ(ours.calls[0].bytes, kHeaderBytes + 5);
  EXPECT_FALSE(ours.calls[0].id.empty());
  const TransportInFlight theirs = LookAt(protocol, Role::acceptor);
  EXPECT_EQ(theirs.peer_requests, 1u);
  EXPECT_EQ(theirs.requests, 0u);
  ASSERT_THAT(StagesOf(theirs), ElementsAre(CallStage::dispatched));
  EXPECT_EQ(theirs.calls[0].id, ours.calls[0].id);
  EXPECT_EQ(theirs.calls[0].age, absl::Milliseconds(30));
  EXPECT_EQ(theirs.calls[0].remaining, absl::Milliseconds(70));
  EXPECT_EQ(theirs.calls[0].bytes, kHeaderBytes + 5);
}

TEST_F(InFlightTest, WithoutADeadlineNoneIsTold) {
  const auto protocol = Register(MessagesSpec("messages"));
  Keep(protocol, kKey);
  Ask(protocol, kKey, "hello", {.timeout = absl::InfiniteDuration()});
  loop_->Advance(absl::Hours(1));
  for (const Role role : {Role::dialer, Role::acceptor}) {
    const TransportInFlight found = LookAt(protocol, role);
    ASSERT_EQ(found.calls.size(), 1u);
    EXPECT_EQ(found.calls[0].age, absl::Hours(1));
    EXPECT_EQ(found.calls[0].remaining, absl::InfiniteDuration());
  }
}

TEST_F(InFlightTest, WhatTheWindowHasNoRoomForIsQueued) {
  auto spec = MessagesSpec("messages");
  spec.limits.window_requests = 1;
  spec.limits.max_queued_packets = 1;
  const auto protocol = Register(std::move(spec));
  Keep(protocol, kKey);
  Ask(protocol, kKey, "in the window");
  loop_->Advance(absl::Milliseconds(5));
  Ask(protocol, kKey, "queued");
  loop_->Advance(absl::Milliseconds(7));
  Ask(protocol, kKey, "waits for room", {.timeout = absl::Seconds(1), .on_overflow = Overflow::wait});
  const TransportInFlight found = LookAt(protocol, Role::dialer);
  ASSERT_THAT(StagesOf(found), ElementsAre(CallStage::awaiting, CallStage::queued, CallStage::queued));
  EXPECT_EQ(found.calls[0].age, absl::Milliseconds(12));
  EXPECT_EQ(found.calls[1].age, absl::Milliseconds(7));
  EXPECT_EQ(found.calls[2].age, absl::ZeroDuration());
  EXPECT_EQ(found.calls[2].remaining, absl::Seconds(1));
  EXPECT_TRUE(found.calls[1].id.empty()) << "its packet has not left";
  EXPECT_EQ(found.requests, 3u);
  EXPECT_EQ(found.queued_packets, 1u);
  EXPECT_EQ(found.queued_bytes, kHeaderBytes + 6);
}

TEST_F(InFlightTest, WhatWasQueuedKeepsItsAgeWhenItIsWritten) {
  auto spec = MessagesSpec("messages");
  spec.limits.window_requests = 1;
  const auto protocol = Register(std::move(spec));
  Keep(protocol, kKey);
  Ask(protocol, kKey, "first");
  Ask(protocol, kKey, "second", {.timeout = absl::Seconds(1)});
  loop_->Advance(absl::Milliseconds(10));
  ASSERT_TRUE(kept_.front().Reply(Message::Text("re")).ok());
  kept_.pop_front();
  Settle();
  const TransportInFlight found = LookAt(protocol, Role::dialer);
  ASSERT_THAT(StagesOf(found), ElementsAre(CallStage::awaiting));
  EXPECT_EQ(found.calls[0].age, absl::Milliseconds(10));
  EXPECT_EQ(found.calls[0].remaining, absl::Milliseconds(990));
  EXPECT_EQ(LookAt(protocol, Role::acceptor).calls[0].age, absl::ZeroDuration()) << "it has just come there";
}

TEST_F(InFlightTest, ARequestIsBeingWrittenUntilItsLastByteIsTaken) {
  const auto protocol = Scripted();
  const size_t packet = 4 + kHeaderBytes + 1;
  peer_->Accept(0);
  network_->dials.Connect(peer_);
  Ask(protocol, kScripted, "a");
  TransportInFlight found = LookAt(protocol, Role::dialer);
  ASSERT_THAT(StagesOf(found), ElementsAre(CallStage::writing));
  EXPECT_EQ(found.pending_bytes, packet);
  EXPECT_FALSE(found.calls[0].id.empty());
  peer_->Accept(packet - 1);
  Settle();
  found = LookAt(protocol, Role::dialer);
  EXPECT_THAT(StagesOf(found), ElementsAre(CallStage::writing));
  EXPECT_EQ(found.pending_bytes, 1u);
  peer_->Accept(1);
  Settle();
  found = LookAt(protocol, Role::dialer);
  EXPECT_THAT(StagesOf(found), ElementsAre(CallStage::awaiting));
  EXPECT_EQ(found.pending_bytes, 0u);
}

TEST_F(InFlightTest, WithoutAChannelAllIsQueued) {
  const auto protocol = Scripted();
  Ask(protocol, kScripted, "a");
  const TransportInFlight found = LookAt(protocol, Role::dialer);
  EXPECT_EQ(found.state, LinkState::connecting);
  EXPECT_THAT(StagesOf(found), ElementsAre(CallStage::queued));
}

TEST_F(InFlightTest, WhatMovesToAnotherChannelKeepsItsAgeAndItsPlace) {
  Limits limits;
  limits.window_requests = 2;
  const auto protocol = Scripted(limits);
  network_->dials.retry_after = absl::Seconds(1);
  network_->dials.Connect(peer_);
  peer_->Accept(0);
  for (int i = 0; i < 3; ++i) {  // two written and not taken, one queued
    Ask(protocol, kScripted, "a");
    loop_->Advance(absl::Milliseconds(1));
  }
  ASSERT_THAT(StagesOf(LookAt(protocol, Role::dialer)), ElementsAre(CallStage::writing, CallStage::writing, CallStage::queued));
  peer_->Break(absl::UnavailableError("reset"));
  Settle();
  const TransportInFlight found = LookAt(protocol, Role::dialer, 2);
  EXPECT_THAT(StagesOf(found), ElementsAre(CallStage::queued, CallStage::queued));
  EXPECT_EQ(found.calls[0].age, absl::Milliseconds(3));
  EXPECT_EQ(found.calls[1].age, absl::Milliseconds(2)) << "the oldest two, not those added last";
}

TEST_F(InFlightTest, AReplyThatTheChannelDoesNotTakeIsStillInFlight) {
  const auto protocol = Scripted();
  network_->accepts.Connect(peer_);
  Keep(protocol, kScripted);
  peer_->Accept(0);
  peer_->Send(wire::Message(MessageKind::request, 7));
  Settle();
  loop_->Advance(absl::Milliseconds(1));
  peer_->Send(wire::Message(MessageKind::request, 8));
  Settle();
  ASSERT_EQ(kept_.size(), 2u);
  ASSERT_TRUE(kept_[0].Reply(Message::Text(std::string(300 << 10, 'x'))).ok());  // more than is written at once
  Settle();
  loop_->Advance(absl::Milliseconds(1));
  ASSERT_TRUE(kept_[1].Reply(Message::Text("small")).ok());
  Settle();
  TransportInFlight found = LookAt(protocol, Role::acceptor);
  ASSERT_THAT(StagesOf(found), ElementsAre(CallStage::replying));
  EXPECT_EQ(found.calls[0].id, MsgId(8u));
  EXPECT_EQ(found.calls[0].age, absl::Milliseconds(1)) << "since its request came";
  EXPECT_EQ(found.calls[0].bytes, kHeaderBytes + 5) << "of the reply";
  EXPECT_EQ(found.peer_requests, 1u);
  EXPECT_GT(found.pending_bytes, 300u << 10);
  peer_->Accept(SIZE_MAX);
  Settle();
  EXPECT_THAT(Look(protocol).transports, IsEmpty());
}

TEST_F(InFlightTest, AReplyAheadOfItsTurnIsReplying) {
  ProtocolSpec<std::string> spec;
  spec.name = "lines";
  spec.packet_codec = NewLinePacketCodec();
  spec.message_codec = NewLineCodec();
  const auto protocol = Register(std::move(spec));
  std::deque<Responder<std::string>> kept;
  Serve<std::string>(protocol, kKey,
                     [&](std::string, CallContext, Responder<std::string> responder) { kept.push_back(std::move(responder)); });
  for (const char* text : {"first", "second"}) Ask(protocol, kKey, std::string(text));
  ASSERT_TRUE(kept.back().Reply("early").ok());
  Settle();
  const TransportInFlight found = LookAt(protocol, Role::acceptor);
  ASSERT_THAT(StagesOf(found), ElementsAre(CallStage::dispatched, CallStage::replying));
  EXPECT_EQ(found.calls[1].bytes, 5u);
  EXPECT_EQ(found.peer_requests, 2u);
  ASSERT_TRUE(kept.front().Reply("late").ok());
  Settle();
  EXPECT_THAT(Look(protocol).transports, IsEmpty());
}

// Where handlers run elsewhere.
class InFlightOnExecutorTest : public InFlightTest {
 protected:
  InFlightOnExecutorTest() : InFlightOnExecutorTest(std::make_shared<ManualExecutor>()) {}
  // The outcomes of what the end ended.
  void TearDown() override {
    InFlightTest::TearDown();
    executor_->RunAll();
  }
  const std::shared_ptr<ManualExecutor> executor_;

 private:
  explicit InFlightOnExecutorTest(const std::shared_ptr<ManualExecutor>& executor)
      : InFlightTest(executor), executor_(executor) {}
};

TEST_F(InFlightOnExecutorTest, ARequestThatItsHandlerHasNotGotIsDispatchedAndItIsToldOnTheExecutor) {
  const auto protocol = Register(MessagesSpec("messages"));
  Keep(protocol, kKey);
  Ask(protocol, kKey, "hello", {.timeout = absl::Milliseconds(100)});
  loop_->Advance(absl::Milliseconds(30));
  ASSERT_EQ(executor_->size(), 1u) << "the handler's task";
  std::optional<InFlightReport> report;
  rain_->InFlightThen(protocol, [&report](InFlightReport found) { report = std::move(found); });
  Settle();
  EXPECT_FALSE(report.has_value());
  executor_->RunAll();
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->transports.size(), 2u);
  for (const TransportInFlight& found : report->transports) {
    ASSERT_EQ(found.calls.size(), 1u);
    EXPECT_EQ(found.calls[0].stage, found.role == Role::dialer ? CallStage::awaiting : CallStage::dispatched);
    EXPECT_EQ(found.calls[0].age, absl::Milliseconds(30));
    EXPECT_EQ(found.calls[0].remaining, absl::Milliseconds(70));
  }
}

TEST_F(InFlightTest, OnlyTheOldestCallsAreListedAndAllAreCounted) {
  const auto protocol = Register(MessagesSpec("messages"));
  Keep(protocol, kKey);
  for (int i = 0; i < 10; ++i) {
    Ask(protocol, kKey, "x");
    loop_->Advance(absl::Milliseconds(1));
  }
  for (const Role role : {Role::dialer, Role::acceptor}) {
    const TransportInFlight found = LookAt(protocol, role, 3);
    EXPECT_EQ(found.requests + found.peer_requests, 10u);
    ASSERT_EQ(found.calls.size(), 3u);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(found.calls[static_cast<size_t>(i)].age, absl::Milliseconds(10 - i));
    EXPECT_THAT(LookAt(protocol, role, 0).calls, IsEmpty());
  }
}

TEST_F(InFlightTest, OtherProtocolsAreNotAmongThemUnlessAllAreAsked) {
  const auto one = Register(MessagesSpec("one"));
  const auto other = Register(MessagesSpec("other"));
  Keep(one, "inproc://one");
  Keep(other, "inproc://other");
  Ask(one, "inproc://one", "x");
  loop_->Advance(absl::Milliseconds(1));
  Ask(other, "inproc://other", "x");
  for (const TransportInFlight& found : Look(one).transports) EXPECT_EQ(found.protocol, "one");
  std::optional<InFlightReport> all;
  rain_->InFlightThen([&all](InFlightReport found) { all = std::move(found); });
  Settle();
  ASSERT_TRUE(all.has_value());
  ASSERT_EQ(all->transports.size(), 4u);
  EXPECT_EQ(all->transports[0].protocol, "one") << "the oldest first";
  EXPECT_EQ(all->transports[3].protocol, "other");
  EXPECT_EQ(all->silent_loops, 0u);
}

TEST_F(InFlightTest, WhatHasEndedIsNotInFlight) {
  const auto protocol = Register(MessagesSpec("messages"));
  Keep(protocol, kKey);
  Cancellation cancellation;
  Ask(protocol, kKey, "answered");
  Ask(protocol, kKey, "cancelled", {.cancellation = &cancellation});
  Ask(protocol, kKey, "late", {.timeout = absl::Milliseconds(1)});
  EXPECT_EQ(LookAt(protocol, Role::dialer).requests, 3u);
  ASSERT_TRUE(kept_[0].Reply(Message::Text("re")).ok());
  cancellation.Cancel();
  loop_->Advance(absl::Milliseconds(1));
  Settle();
  const InFlightReport report = Look(protocol);
  ASSERT_EQ(report.transports.size(), 1u) << "its handlers have not answered yet";
  EXPECT_EQ(report.transports[0].role, Role::acceptor);
  EXPECT_EQ(report.transports[0].peer_requests, 2u);
  EXPECT_EQ(report.transports[0].calls[1].remaining, absl::ZeroDuration());
  kept_.clear();
  Settle();
  EXPECT_THAT(Look(protocol).transports, IsEmpty());
  EXPECT_EQ(ToString(Look(protocol)), "nothing is in flight\n");
}

TEST_F(InFlightTest, ManyCallsAreLookedAtInSeveralTurns) {
  std::vector<Protocol<Message>> protocols;
  for (int i = 0; i < 3; ++i) {
    protocols.push_back(Register(MessagesSpec(absl::StrCat("messages", i))));
    Keep(protocols.back(), absl::StrCat("inproc://", i));
    for (int call = 0; call < 1100; ++call) {
      ASSERT_TRUE(rain_->Send(protocols.back(), absl::StrCat("inproc://", i), Message::Text("x"), [](auto) {}).ok());
    }
  }
  Settle();
  std::optional<InFlightReport> all;
  rain_->InFlightThen([&all](InFlightReport found) { all = std::move(found); });
  int turns = 0;
  for (; !all.has_value() && turns < 100; ++turns) loop_->RunTurn(loop_->now());
  EXPECT_GE(turns, 3);
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->transports.size(), 6u);
  for (const TransportInFlight& found : all->transports) EXPECT_EQ(found.requests + found.peer_requests, 1100u);
}

TEST_F(InFlightTest, AThreadThatRunsALoopDoesNotWaitForIt) {
  const auto report = rain_->InFlight();
  EXPECT_TRUE(absl::IsFailedPrecondition(report.status())) << report.status();
}

}  // namespace
}  // namespace rain
