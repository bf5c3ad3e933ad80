// Coroutines that ask: every order in which an outcome and the end of the coroutine's frame may come.
#include "listenrain/framework/send_awaiter.h"

#include <gmock/gmock.h>

#include <deque>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/executors/manual_executor.h"
#include "listenrain/framework/coroutine_parts_test.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/when_all.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);

// What a coroutine learned.
struct Learned {
  bool begun = false;
  int times = 0;
  absl::StatusOr<Message> reply = absl::UnknownError("nothing yet");
};

Task<> Ask(TransportHandle<Message> server, Learned& learned, SendOptions options = {}) {
  learned.begun = true;
  absl::StatusOr<Message> reply = co_await server.CoSend(Message::Text("a question"), options);
  ++learned.times;
  learned.reply = std::move(reply);
}

// The manual executor is where coroutines are resumed: between a request's outcome and its telling the test may do what it likes.
class CoSend : public EngineFixture {
 protected:
  CoSend() {
    ProtocolSpec<Message> spec = MessagesSpec("asked");
    spec.executor = executor_;
    spec.timeout = kTimeout;
    protocol_ = Register(std::move(spec));
    Serve<Message>(Register(MessagesSpec("serving")), kKey,
                   [this](Message, CallContext, Responder<Message> responder) { asked_.push_back(std::move(responder)); });
    server_ = rain_->Open(protocol_, kKey).value();
  }
  ~CoSend() override {
    asked_.clear();
    rain_->Stop();
    Settle();
    executor_->RunAll();
    ExpectBalanced(protocol_);
    EXPECT_EQ(stats().in_flight, 0u);
  }

  void Reply(const Message& message = Message::Text("an answer")) {
    ASSERT_FALSE(asked_.empty());
    EXPECT_TRUE(asked_.front().Reply(message).ok());
    asked_.pop_front();
    Settle();
  }
  Stats stats() const { return rain_->StatsOf(protocol_); }

  static constexpr char kKey[] = "inproc://coroutines";
  std::shared_ptr<ManualExecutor> executor_ = std::make_shared<ManualExecutor>();
  Protocol<Message> protocol_;
  std::optional<TransportHandle<Message>> server_;
  std::deque<Responder<Message>> asked_;
  Learned learned_;
};

TEST_F(CoSend, SendsNothingBeforeItIsAwaited) {
  {
    const Message message = Message::Text("unheard");
    const auto never_awaited = server_->CoSend(message);
    const Task<> never_begun = Ask(*server_, learned_);
    Settle();
  }
  EXPECT_EQ(stats().started, 0u);
  EXPECT_FALSE(learned_.begun);
}

TEST_F(CoSend, GoesOnWithTheReplyOnTheExecutor) {
  const Begun begun(Ask(*server_, learned_));
  Settle();
  Reply();
  EXPECT_EQ(learned_.times, 0);
  executor_->RunAll();
  EXPECT_EQ(learned_.times, 1);
  ASSERT_TRUE(learned_.reply.ok()) << learned_.reply.status();
  EXPECT_EQ(learned_.reply->text(), "an answer");
}

TEST_F(CoSend, GoesOnWithThePeersError) {
  const Begun begun(Ask(*server_, learned_));
  Settle();
  EXPECT_TRUE(asked_.front().Fail(absl::NotFoundError("no such thing")).ok());
  Settle();
  executor_->RunAll();
  EXPECT_TRUE(absl::IsNotFound(learned_.reply.status()));
  EXPECT_EQ(OriginOf(learned_.reply.status()), Origin::peer);
}

TEST_F(CoSend, GoesOnWhenTheDeadlineHasCome) {
  const Begun begun(Ask(*server_, learned_));
  EXPECT_TRUE(loop_->Advance(kTimeout));
  executor_->RunAll();
  EXPECT_TRUE(absl::IsDeadlineExceeded(learned_.reply.status()));
  Reply();
  executor_->RunAll();
  EXPECT_EQ(learned_.times, 1);
}

TEST_F(CoSend, GoesOnWhenItIsCancelled) {
  Cancellation cancellation;
  const Begun begun(Ask(*server_, learned_, {.cancellation = &cancellation}));
  Settle();
  cancellation.Cancel();
  Settle();
  executor_->RunAll();
  EXPECT_TRUE(absl::IsCancelled(learned_.reply.status()));
}

TEST_F(CoSend, GoesOnAtOnceWhereTheRequestIsRefused) {
  rain_->Stop();
  const Begun begun(Ask(*server_, learned_));
  EXPECT_EQ(learned_.times, 1);
  EXPECT_TRUE(absl::IsCancelled(learned_.reply.status())) << learned_.reply.status();
  EXPECT_EQ(stats().started, 0u);
}

TEST_F(CoSend, GoesOnAtOnceWhereTheKeyIsOfAnUnknownScheme) {
  const auto body = [this]() -> Task<> {
    const TransportKey key("pigeon://roof");
    learned_.reply = co_await rain_->CoSend(protocol_, key, Message::Text("coo"));
    ++learned_.times;
  };
  const Begun begun(body());
  EXPECT_EQ(learned_.times, 1);
  EXPECT_EQ(learned_.reply.status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(CoSend, ByKeyAsksTheSameTransport) {
  const auto body = [this]() -> Task<> {
    const TransportKey key(kKey);
    learned_.reply = co_await rain_->CoSend(protocol_, key, Message::Text("by key"), {.timeout = absl::Seconds(1)});
  };
  const Begun begun(body());
  Settle();
  Reply();
  executor_->RunAll();
  EXPECT_TRUE(learned_.reply.ok()) << learned_.reply.status();
}

TEST_F(CoSend, AReplyWhoseExecutorEndsIsCancelled) {
  const Begun begun(Ask(*server_, learned_));
  Settle();
  Reply();
  EXPECT_EQ(executor_->DropAll(), 1u);
  EXPECT_EQ(learned_.times, 1);
  EXPECT_TRUE(absl::IsCancelled(learned_.reply.status()));
}

TEST_F(CoSend, StopEndsWhatIsSuspended) {
  const Begun begun(Ask(*server_, learned_));
  Settle();
  rain_->Stop();
  Settle();
  executor_->RunAll();
  EXPECT_EQ(learned_.times, 1);
  EXPECT_TRUE(absl::IsCancelled(learned_.reply.status()));
}

TEST_F(CoSend, TwoAtOnceAreGathered) {
  Learned other;
  std::vector<Task<>> both;
  both.push_back(Ask(*server_, learned_));
  both.push_back(Ask(*server_, other));
  bool ended = false;
  const auto body = [&](std::vector<Task<>> tasks) -> Task<> {
    co_await WhenAll(std::move(tasks));
    ended = true;
  };
  const Begun begun(body(std::move(both)));
  Settle();
  ASSERT_EQ(asked_.size(), 2u);
  Reply();
  executor_->RunAll();
  EXPECT_FALSE(ended);
  Reply();
  executor_->RunAll();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(learned_.reply.ok());
  EXPECT_TRUE(other.reply.ok());
}

// The frame's end, at every place of a request's life. That nothing touches it afterwards, AddressSanitizer sees.

TEST_F(CoSend, AFrameThatEndsBeforeTheRequestLeftCancelsIt) {
  { const Begun begun(Ask(*server_, learned_)); }
  Settle();
  executor_->RunAll();
  EXPECT_EQ(stats().cancelled, 1u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameThatEndsWhileTheRequestIsInTheMailboxCancelsIt) {
  std::thread([this] { const Begun begun(Ask(*server_, learned_)); }).join();
  EXPECT_EQ(stats().started, 0u);
  Settle();
  executor_->RunAll();
  EXPECT_EQ(stats().cancelled, 1u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameThatEndsAfterItsRequestWasMailedByAnotherThreadCancelsIt) {
  std::optional<Begun> begun;
  std::thread([&] { begun.emplace(Ask(*server_, learned_)); }).join();
  begun.reset();
  EXPECT_EQ(stats().started, 0u);
  Settle();
  executor_->RunAll();
  EXPECT_EQ(stats().cancelled, 1u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameThatEndsWhileTheServerWorksCancelsItsRequest) {
  {
    const Begun begun(Ask(*server_, learned_));
    Settle();
  }
  Settle();
  EXPECT_EQ(stats().cancelled, 1u);
  Reply();
  EXPECT_EQ(stats().late_replies, 1u);
  executor_->RunAll();
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameThatEndsBetweenTheReplyAndItsTellingIsLeftAlone) {
  {
    const Begun begun(Ask(*server_, learned_));
    Settle();
    Reply();
    ASSERT_EQ(executor_->size(), 1u);
  }
  executor_->RunAll();
  Settle();
  EXPECT_EQ(stats().replied, 1u);
  EXPECT_EQ(stats().cancelled, 0u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameThatEndsBetweenTheDeadlineAndItsTellingIsLeftAlone) {
  {
    const Begun begun(Ask(*server_, learned_));
    EXPECT_TRUE(loop_->Advance(kTimeout));
    ASSERT_EQ(executor_->size(), 1u);
  }
  executor_->RunAll();
  Settle();
  EXPECT_EQ(stats().timed_out, 1u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameThatEndsBetweenACancellationAndItsTellingIsLeftAlone) {
  Cancellation cancellation;
  {
    const Begun begun(Ask(*server_, learned_, {.cancellation = &cancellation}));
    Settle();
    cancellation.Cancel();
    Settle();
    ASSERT_EQ(executor_->size(), 1u);
  }
  Settle();
  executor_->RunAll();
  EXPECT_EQ(stats().cancelled, 1u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameMayEndInTheTurnOfItsCancellation) {
  Cancellation cancellation;
  {
    const Begun begun(Ask(*server_, learned_, {.cancellation = &cancellation}));
    Settle();
    cancellation.Cancel();
  }
  Settle();
  executor_->RunAll();
  EXPECT_EQ(stats().cancelled, 1u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, AFrameThatEndsAfterStopIsLeftAlone) {
  {
    const Begun begun(Ask(*server_, learned_));
    Settle();
    rain_->Stop();
    Settle();
  }
  Settle();
  executor_->RunAll();
  EXPECT_EQ(learned_.times, 0);
}

// The frame's cancellation comes to the loop when the next request has the first one's node.
TEST_F(CoSend, TheEndOfAFrameCancelsNoLaterRequest) {
  std::optional<Begun> first;
  first.emplace(Ask(*server_, learned_));
  Settle();
  Reply();
  first.reset();
  executor_->RunAll();
  Learned second;
  const Begun begun(Ask(*server_, second));
  Settle();
  Reply();
  executor_->RunAll();
  EXPECT_TRUE(second.reply.ok()) << second.reply.status();
  EXPECT_EQ(stats().replied, 2u);
  EXPECT_EQ(learned_.times, 0);
}

TEST_F(CoSend, ACoroutineMayEndItsOwnFrameWhenItGoesOn) {
  std::optional<Begun> begun;
  const auto body = [&]() -> Task<> {
    learned_.reply = co_await server_->CoSend(Message::Text("?"));
    executor_->Run([&begun] { begun.reset(); });
    learned_.reply = co_await server_->CoSend(Message::Text("never answered"));
    ++learned_.times;
  };
  begun.emplace(body());
  Settle();
  Reply();
  executor_->RunAll();
  Settle();
  executor_->RunAll();
  EXPECT_FALSE(begun.has_value());
  EXPECT_EQ(stats().replied, 1u);
  EXPECT_EQ(stats().cancelled, 1u);
  EXPECT_EQ(learned_.times, 0);
}

class InlineCoSend : public EngineFixture {};

// Each reply resumes the coroutine on the loop, where it asks again.
TEST_F(InlineCoSend, ALoopOfCallsNeedsNoMoreStackThanOne) {
  const auto protocol = Register(MessagesSpec("echo"));
  ServeEcho(protocol, "inproc://echo");
  const int64_t times = Scaled(1'000'000, 50'000, 10'000'000);
  int64_t replied = 0;
  const auto body = [&](TransportHandle<Message> server) -> Task<> {
    const Message message = Message::Text("again");
    for (int64_t i = 0; i < times; ++i) {
      const absl::StatusOr<Message> reply = co_await server.CoSend(message);
      if (!reply.ok()) co_return;
      ++replied;
    }
  };
  bool ended = false;
  const auto executor = NewInlineExecutor();
  Spawn(*executor, body(rain_->Open(protocol, "inproc://echo").value()),
        [&](const absl::Status& status) { ended = status.ok(); });
  EXPECT_TRUE(loop_->RunUntilIdle(SIZE_MAX));
  EXPECT_TRUE(ended);
  EXPECT_EQ(replied, times);
  ExpectBalanced(protocol);
}

// Refused, a request is not even sent: nothing suspends, and nothing must recurse.
TEST_F(InlineCoSend, ALoopOfRefusedCallsNeedsNoMoreStackThanOne) {
  const auto protocol = Register(MessagesSpec("echo"));
  const auto server = rain_->Open(protocol, "inproc://echo").value();
  rain_->Stop();
  int64_t refused = 0;
  const auto body = [&](TransportHandle<Message> transport) -> Task<> {
    const Message message = Message::Text("again");
    while (refused < Scaled(100'000, 10'000, 1'000'000)) {
      const absl::StatusOr<Message> reply = co_await transport.CoSend(message);
      if (!reply.ok()) ++refused;
    }
  };
  const Begun begun(body(server));
  EXPECT_EQ(refused, Scaled(100'000, 10'000, 1'000'000));
}

}  // namespace
}  // namespace rain
