#include "listenrain/framework/transport.h"

#include <deque>
#include <stdexcept>

#include "listenrain/executors/manual_executor.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://service";

class TransportTest : public EngineFixture {};

TEST_F(TransportTest, ARequestIsAnsweredAndCountedOnce) {
  const auto protocol = Register(MessagesSpec("echo"));
  ServeEcho(protocol, kKey);
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("hello"), outcome.callback()).ok());
  EXPECT_EQ(outcome.told, 0) << "told inside Send";
  Settle();
  ASSERT_EQ(outcome.told, 1);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status();
  EXPECT_EQ(outcome.result->text(), "hello");
  const Stats stats = rain_->StatsOf(protocol);
  EXPECT_EQ(stats.started, 1u);
  EXPECT_EQ(stats.replied, 1u);
  EXPECT_EQ(stats.requests_received, 1u);
  EXPECT_EQ(stats.replies_sent, 1u);
  ExpectBalanced(protocol);
}

TEST_F(TransportTest, AnIdleTransportHoldsNoBlock) {
  const auto protocol = Register(MessagesSpec("echo"));
  ServeEcho(protocol, kKey);
  {
    Outcome<Message> outcome;
    ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("hello"), outcome.callback()).ok());
    Settle();
    EXPECT_GT(buffers_->bytes_in_use(), 0u) << "the reply's body is a slice of what was read";
  }
  EXPECT_EQ(buffers_->bytes_in_use(), 0u);
  loop_->Advance(absl::Seconds(10));
  EXPECT_EQ(loop_->timers().size(), 0u) << "a timer runs on without traffic";
}

TEST_F(TransportTest, RepliesMayComeInAnyOrder) {
  const auto protocol = Register(MessagesSpec("echo"));
  std::deque<std::pair<std::string, Responder<Message>>> waiting;
  Serve<Message>(protocol, kKey, [&](Message message, CallContext, Responder<Message> responder) {
    waiting.emplace_back(message.text(), std::move(responder));
  });
  std::vector<Outcome<Message>> outcomes(20);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text(std::to_string(i)), outcomes[static_cast<size_t>(i)].callback()).ok());
  Settle();
  ASSERT_EQ(waiting.size(), 20u);
  for (; !waiting.empty(); waiting.pop_back()) {
    ASSERT_TRUE(waiting.back().second.Reply(Message::Text("re " + waiting.back().first)).ok());
  }
  Settle();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(outcomes[static_cast<size_t>(i)].result.ok());
    EXPECT_EQ(outcomes[static_cast<size_t>(i)].result->text(), "re " + std::to_string(i));
  }
  ExpectBalanced(protocol);
}

TEST_F(TransportTest, ADeadlineComesNeitherEarlyNorLate) {
  const auto protocol = Register(MessagesSpec("echo"));
  std::vector<Responder<Message>> kept;
  Serve<Message>(protocol, kKey,
                 [&](Message, CallContext, Responder<Message> responder) { kept.push_back(std::move(responder)); });
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback(), {.timeout = absl::Milliseconds(100)}).ok());
  Settle();
  loop_->Advance(absl::Milliseconds(100) - absl::Nanoseconds(1));
  EXPECT_EQ(outcome.told, 0);
  loop_->Advance(absl::Nanoseconds(1));
  ASSERT_EQ(outcome.told, 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.result.status())) << outcome.result.status();
  EXPECT_EQ(BytesSentOf(outcome.result.status()), BytesSent::all);
  EXPECT_EQ(OriginOf(outcome.result.status()), Origin::local);
  ASSERT_TRUE(kept.front().Reply(Message::Text("late")).ok());
  Settle();
  EXPECT_EQ(outcome.told, 1);
  EXPECT_EQ(rain_->StatsOf(protocol).late_replies, 1u);
  EXPECT_EQ(rain_->StatsOf(protocol).timed_out, 1u);
  ExpectBalanced(protocol);
}

TEST_F(TransportTest, BeyondTheWindowRequestsWaitInTheQueue) {
  auto spec = MessagesSpec("echo");
  spec.limits.window_requests = 3;
  const auto protocol = Register(std::move(spec));
  std::deque<Responder<Message>> waiting;
  Serve<Message>(protocol, kKey,
                 [&](Message, CallContext, Responder<Message> responder) { waiting.push_back(std::move(responder)); });
  std::vector<Outcome<Message>> outcomes(10);
  for (auto& outcome : outcomes) ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback()).ok());
  Settle();
  for (int answered = 0; answered < 10; ++answered) {
    ASSERT_EQ(waiting.size(), static_cast<size_t>(std::min(3, 10 - answered)));
    ASSERT_TRUE(waiting.front().Reply(Message::Text("y")).ok());
    waiting.pop_front();
    Settle();
  }
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome.result.ok()) << outcome.result.status();
  EXPECT_EQ(rain_->StatsOf(protocol).requests_refused, 0u);
}

TEST_F(TransportTest, AFullQueueRefusesAndCallsNothing) {
  auto spec = MessagesSpec("echo");
  spec.limits.max_queued_packets = 4;
  const auto protocol = Register(std::move(spec));
  auto handle = rain_->Open(protocol, kKey);  // nobody listens: it stays queued until the dial fails
  ASSERT_TRUE(handle.ok());
  std::vector<Outcome<Message>> outcomes(5);
  for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(handle->Send(Message::Text("x"), outcomes[i].callback()).ok());
  const absl::Status refused = handle->Send(Message::Text("x"), outcomes[4].callback());
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  Settle();
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(absl::IsUnavailable(outcomes[i].result.status())) << outcomes[i].result.status();
    EXPECT_EQ(BytesSentOf(outcomes[i].result.status()), BytesSent::none);
  }
  EXPECT_EQ(outcomes[4].told, 0);
  EXPECT_EQ(handle->box().budget().bytes(), 0u) << "what was refused or failed is still charged";
  ExpectBalanced(protocol);
}

// Keeps what it is told.
class Machine final : public StatMachine<Message> {
 public:
  void Process(const MsgId& id, Message) override { replied.push_back(id); }
  void Timeout(const MsgId& id) override { timed_out.push_back(id); }
  void Fail(const MsgId& id, absl::Status) override { failed.push_back(id); }

  std::vector<MsgId> replied, timed_out, failed;
};

TEST_F(TransportTest, AnOutcomeNamesTheRequestsIdAndNoneIfItNeverHadOne) {
  auto spec = MessagesSpec("echo");
  spec.limits.window_requests = 1;
  spec.timeout = absl::Seconds(1);
  const auto protocol = Register(std::move(spec));
  std::deque<Responder<Message>> waiting;
  Serve<Message>(protocol, kKey,
                 [&](Message, CallContext, Responder<Message> responder) { waiting.push_back(std::move(responder)); });
  Machine machine;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("answered"), machine).ok());
  Settle();
  ASSERT_TRUE(waiting.front().Reply(Message::Text("y")).ok());
  Settle();
  ASSERT_EQ(machine.replied.size(), 1u);
  EXPECT_FALSE(machine.replied[0].empty());
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("sent"), machine).ok());
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("queued"), machine, {.timeout = absl::Milliseconds(500)}).ok());
  Cancellation cancellation;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("the same"), machine, {.cancellation = &cancellation}).ok());
  ASSERT_TRUE(rain_->Send(protocol, "inproc://nobody", Message::Text("nowhere to go"), machine).ok());
  cancellation.Cancel();
  Settle();
  EXPECT_EQ(machine.failed, std::vector<MsgId>(2)) << "of a request without an id";
  loop_->Advance(absl::Seconds(2));
  Settle();
  ASSERT_EQ(machine.timed_out.size(), 2u);
  EXPECT_EQ(machine.timed_out[0].empty() + machine.timed_out[1].empty(), 1) << "of the queued one alone";
}

TEST_F(TransportTest, CancellingEndsARequestOnceWhereverItIs) {
  auto spec = MessagesSpec("echo");
  spec.limits.window_requests = 1;
  const auto protocol = Register(std::move(spec));
  std::deque<Responder<Message>> waiting;
  Serve<Message>(protocol, kKey,
                 [&](Message, CallContext, Responder<Message> responder) { waiting.push_back(std::move(responder)); });
  std::vector<Outcome<Message>> outcomes(3);
  std::vector<Cancellation> handles(3);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcomes[i].callback(), {.cancellation = &handles[i]}).ok());
  }
  Settle();
  handles[1].Cancel();  // queued
  handles[1].Cancel();
  handles[0].Cancel();  // sent
  Settle();
  EXPECT_TRUE(absl::IsCancelled(outcomes[0].result.status()));
  EXPECT_EQ(BytesSentOf(outcomes[0].result.status()), BytesSent::all);
  EXPECT_TRUE(absl::IsCancelled(outcomes[1].result.status()));
  EXPECT_EQ(BytesSentOf(outcomes[1].result.status()), BytesSent::none);
  for (auto& responder : waiting) (void)responder.Reply(Message::Text("y"));  // late for the first
  waiting.clear();
  Settle();
  for (auto& responder : waiting) ASSERT_TRUE(responder.Reply(Message::Text("y")).ok());
  Settle();
  EXPECT_TRUE(outcomes[2].result.ok() || absl::IsResourceExhausted(outcomes[2].result.status())) << outcomes[2].result.status();
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome.told, 1);
  handles[0].Cancel();
  Settle();
  ExpectBalanced(protocol);
}

TEST_F(TransportTest, EitherSideAsksOnOneTransport) {
  auto spec = MessagesSpec("both");
  spec.router.Otherwise([](Message message, CallContext, Responder<Message> responder) {
    if (!responder.expected()) return;
    EXPECT_TRUE(responder.Reply(Message::Text("dialer says " + message.text())).ok());
  });
  const auto protocol = Register(std::move(spec));
  Outcome<Message> pushed;
  Serve<Message>(protocol, kKey, [&](Message message, CallContext context, Responder<Message> responder) {
    TransportHandle<Message> back(protocol, context.connection());
    EXPECT_TRUE(back.Send(Message::Text("and you?"), pushed.callback()).ok());
    EXPECT_TRUE(back.Post(Message::Text("news")).ok());
    EXPECT_TRUE(responder.Reply(message).ok());
  });
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("hello"), outcome.callback()).ok());
  Settle();
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status();
  ASSERT_TRUE(pushed.result.ok()) << pushed.result.status();
  EXPECT_EQ(pushed.result->text(), "dialer says and you?");
  EXPECT_EQ(rain_->StatsOf(protocol).posts_received, 1u);
  ExpectBalanced(protocol);
}

TEST_F(TransportTest, WithoutIdsRepliesMatchTheirRequestsInOrder) {
  ProtocolSpec<std::string> spec;
  spec.name = "lines";
  spec.packet_codec = NewLinePacketCodec();
  spec.message_codec = NewLineCodec();
  const auto protocol = Register(std::move(spec));
  std::deque<std::pair<std::string, Responder<std::string>>> waiting;
  Serve<std::string>(protocol, kKey, [&](std::string line, CallContext, Responder<std::string> responder) {
    waiting.emplace_back(std::move(line), std::move(responder));
  });
  std::vector<Outcome<std::string>> outcomes(6);
  for (size_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(rain_
                    ->Send(protocol, kKey, "line " + std::to_string(i), outcomes[i].callback(),
                           {.timeout = absl::Milliseconds(i == 2 ? 5 : 1000)})
                    .ok());
  }
  Settle();
  loop_->Advance(absl::Milliseconds(5));  // the third leaves a tombstone, which eats its reply
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcomes[2].result.status()));
  for (; !waiting.empty(); waiting.pop_back()) {  // the last finishes first, and waits for the others
    ASSERT_TRUE(waiting.back().second.Reply("re " + waiting.back().first).ok());
    Settle();
  }
  for (size_t i = 0; i < 6; ++i) {
    if (i == 2) continue;
    ASSERT_TRUE(outcomes[i].result.ok()) << outcomes[i].result.status();
    EXPECT_EQ(*outcomes[i].result, "re line " + std::to_string(i));
  }
  EXPECT_EQ(rain_->StatsOf(protocol).late_replies, 1u);
  ExpectBalanced(protocol);
}

TEST_F(TransportTest, ACarriedIdInFlightIsRefusedAndTheFirstRequestLivesOn) {
  ProtocolSpec<UuidMessage> spec;
  spec.name = "uuids";
  spec.message_codec = NewUuidCodec(UuidForm::text);
  const auto protocol = Register(std::move(spec));
  ServeEcho(protocol, kKey);
  const UuidMessage message{"123e4567-e89b-12d3-a456-426614174000", "hello"};
  Outcome<UuidMessage> first;
  Outcome<UuidMessage> second;
  ASSERT_TRUE(rain_->Send(protocol, kKey, message, first.callback()).ok());
  const absl::Status refused = rain_->Send(protocol, kKey, message, second.callback());
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  Settle();
  ASSERT_TRUE(first.result.ok()) << first.result.status();
  EXPECT_EQ(first.result->text, "hello");
  EXPECT_EQ(second.told, 0);
  ASSERT_TRUE(rain_->Send(protocol, kKey, message, second.callback()).ok()) << "the id is free again";
  Settle();
  EXPECT_TRUE(second.result.ok());
  ExpectBalanced(protocol);
}

TEST_F(TransportTest, ADeadChannelFailsWhatWasSentAndTheNextCallGoesToTheNextOne) {
  const auto protocol = Register(MessagesSpec("echo"));
  std::vector<Responder<Message>> kept;
  Serve<Message>(protocol, kKey,
                 [&](Message, CallContext, Responder<Message> responder) { kept.push_back(std::move(responder)); });
  std::vector<Outcome<Message>> outcomes(3);
  for (auto& outcome : outcomes) ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback()).ok());
  Settle();
  listeners_.clear();
  Settle();
  for (auto& outcome : outcomes) {
    ASSERT_EQ(outcome.told, 1);
    EXPECT_TRUE(absl::IsUnavailable(outcome.result.status())) << outcome.result.status();
  }
  for (auto& responder : kept) EXPECT_TRUE(absl::IsUnavailable(responder.Reply(Message::Text("late"))));
  ServeEcho(protocol, kKey);
  Outcome<Message> again;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), again.callback()).ok());
  loop_->Advance(absl::Milliseconds(250));  // the longest first wait
  Settle();
  EXPECT_TRUE(again.result.ok()) << again.result.status();
  ExpectBalanced(protocol);
}

class ThrowingQueue final : public Queue {
  void Push(Outgoing&) override { throw std::runtime_error("no room in my head"); }
  void PushFront(Outgoing&) override {}
  Outgoing* Pop() override { return nullptr; }
  void Remove(Outgoing&) override {}
  size_t size() const override { return 0; }
};

TEST_F(TransportTest, AQueueThatThrowsEndsItsTransportAndNotTheProcess) {
  auto spec = MessagesSpec("echo");
  spec.queue = [] { return std::make_unique<ThrowingQueue>(); };
  const auto protocol = Register(std::move(spec));
  ServeEcho(protocol, kKey);
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback()).ok());
  Settle();
  ASSERT_EQ(outcome.told, 1);
  EXPECT_TRUE(absl::IsInternal(outcome.result.status())) << outcome.result.status();
  ExpectBalanced(protocol);
}

class DroppedWorkTest : public EngineFixture {
 protected:
  DroppedWorkTest() : EngineFixture(executor_) {}
  inline static const std::shared_ptr<ManualExecutor> executor_ = std::make_shared<ManualExecutor>();
};

TEST_F(DroppedWorkTest, WhatAnExecutorDropsEndsAsCancelled) {
  const auto protocol = Register(MessagesSpec("echo"));
  ServeEcho(protocol, kKey);
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback()).ok());
  Settle();
  executor_->DropAll();  // the request, unhandled: its caller gets an error reply
  Settle();
  executor_->RunAll();
  ASSERT_EQ(outcome.told, 1);
  EXPECT_TRUE(absl::IsCancelled(outcome.result.status())) << outcome.result.status();
  EXPECT_EQ(OriginOf(outcome.result.status()), Origin::peer);
  Outcome<Message> dropped;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), dropped.callback()).ok());
  Settle();
  executor_->RunAll();
  Settle();
  executor_->DropAll();  // the reply
  ASSERT_EQ(dropped.told, 1);
  EXPECT_TRUE(absl::IsCancelled(dropped.result.status())) << dropped.result.status();
}

}  // namespace
}  // namespace rain
