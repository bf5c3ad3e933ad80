// Requests whose time is over before a handler could begin: nobody waits for what it would do.
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://late";

// Handlers run when the test says so.
class ExpiryTest : public EngineFixture {
 protected:
  ExpiryTest() : ExpiryTest(std::make_shared<ManualExecutor>()) {}

  template <class M>
  void CountHandled(const Protocol<M>& protocol) {
    Serve<M>(protocol, kKey, [this](M message, CallContext, Responder<M> responder) {
      ++handled_;
      responder.Reply(message).IgnoreError();
    });
  }
  // Also what follows from what they did.
  void RunExecutor() {
    while (executor_->RunAll() > 0) Settle();
  }

  const std::shared_ptr<ManualExecutor> executor_;
  int handled_ = 0;

 private:
  explicit ExpiryTest(const std::shared_ptr<ManualExecutor>& executor) : EngineFixture(executor), executor_(executor) {}
};

TEST_F(ExpiryTest, ARequestThatWaitedTooLongForTheExecutorIsNotHandled) {
  const auto protocol = Register(MessagesSpec("echo"));
  CountHandled(protocol);
  Outcome<Message> late;
  Outcome<Message> patient;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("late"), late.callback(), {.timeout = absl::Milliseconds(10)}).ok());
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("patient"), patient.callback(), {.timeout = absl::Seconds(10)}).ok());
  Settle();
  loop_->Advance(absl::Milliseconds(10));
  RunExecutor();
  EXPECT_EQ(handled_, 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.result.status())) << late.result.status();
  EXPECT_EQ(OriginOf(late.result.status()), Origin::local) << "the caller's own timer was first";
  EXPECT_TRUE(patient.result.ok()) << patient.result.status();
  const Stats stats = rain_->StatsOf(protocol);
  EXPECT_EQ(stats.expired, 1u);
  EXPECT_EQ(stats.requests_received, 2u);
  EXPECT_EQ(stats.errors_sent, 1u) << "it has left the window";
  ExpectBalanced(protocol);
}

TEST_F(ExpiryTest, ATimeThatIsNotOverIsNotShortened) {
  const auto protocol = Register(MessagesSpec("echo"));
  CountHandled(protocol);
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback(), {.timeout = absl::Milliseconds(10)}).ok());
  Settle();
  loop_->Advance(absl::Milliseconds(10) - absl::Microseconds(1));
  RunExecutor();
  EXPECT_EQ(handled_, 1);
  EXPECT_TRUE(outcome.result.ok()) << outcome.result.status();
  EXPECT_EQ(rain_->StatsOf(protocol).expired, 0u);
}

TEST_F(ExpiryTest, ARequestThatArrivesWithoutTimeGoesToNoExecutor) {
  const auto protocol = Register(MessagesSpec("echo"));
  CountHandled(protocol);
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback(), {.timeout = absl::Nanoseconds(1)}).ok());
  Settle();
  RunExecutor();
  EXPECT_EQ(handled_, 0);
  ASSERT_EQ(outcome.told, 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.result.status())) << outcome.result.status();
  EXPECT_EQ(OriginOf(outcome.result.status()), Origin::peer) << "time stands still here: the timer has not come";
  EXPECT_EQ(rain_->StatsOf(protocol).expired, 1u);
  ExpectBalanced(protocol);
}

TEST_F(ExpiryTest, AWireWithoutRemainingTimeKnowsOfNoEnd) {
  ProtocolSpec<UuidMessage> spec;
  spec.name = "uuid";
  spec.message_codec = NewUuidCodec(UuidForm::binary);
  const auto protocol = Register(std::move(spec));
  CountHandled(protocol);
  Outcome<UuidMessage> outcome;
  const UuidMessage message{std::string(16, 'a'), "x"};
  ASSERT_TRUE(rain_->Send(protocol, kKey, message, outcome.callback(), {.timeout = absl::Milliseconds(10)}).ok());
  Settle();
  loop_->Advance(absl::Seconds(1));
  RunExecutor();
  EXPECT_EQ(handled_, 1);
  EXPECT_EQ(rain_->StatsOf(protocol).expired, 0u);
}

// Under the inline executor nothing waits.
class InlineExpiryTest : public EngineFixture {};

TEST_F(InlineExpiryTest, ARequestThatArrivesWithoutTimeIsNotHandled) {
  const auto protocol = Register(MessagesSpec("echo"));
  int handled = 0;
  Serve<Message>(protocol, kKey, [&](Message, CallContext, Responder<Message>) { ++handled; });
  Outcome<Message> outcome;
  ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("x"), outcome.callback(), {.timeout = absl::Nanoseconds(1)}).ok());
  Settle();
  EXPECT_EQ(handled, 0);
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.result.status())) << outcome.result.status();
  EXPECT_EQ(rain_->StatsOf(protocol).expired, 1u);
}

}  // namespace
}  // namespace rain
