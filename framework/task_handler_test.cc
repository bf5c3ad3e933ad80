#include "listenrain/framework/task_handler.h"

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/framework/log.h"
#include "listenrain/testing/engine_fixture.h"

namespace rain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A front that is served by coroutines, and a back that answers when the test lets it.
class TaskHandlers : public EngineFixture {
 protected:
  TaskHandlers() {
    SetLogSink([this](Severity, absl::string_view, absl::string_view text) { logged_.emplace_back(text); });
    Serve<Message>(messages_, kBack,
                   [this](Message, CallContext, Responder<Message> responder) { backs_.push_back(std::move(responder)); });
    back_ = rain_->Open(messages_, kBack).value();
  }
  ~TaskHandlers() override { SetLogSink(nullptr); }

  void Listen(Router<Message> router) {
    auto listener = rain_->Listen(messages_, kFront, std::move(router));
    ASSERT_TRUE(listener.ok()) << listener.status();
    listeners_.push_back(*std::move(listener));
    Settle();
  }
  void Ask(const Message& message, Outcome<Message>& outcome) {
    EXPECT_TRUE(rain_->Send(messages_, kFront, message, outcome.callback()).ok());
    Settle();
  }

  static constexpr char kFront[] = "inproc://front";
  static constexpr char kBack[] = "inproc://back";
  const Protocol<Message> messages_ = Register(MessagesSpec("messages"));
  std::vector<std::string> logged_;
  std::vector<Responder<Message>> backs_;
  std::optional<TransportHandle<Message>> back_;
  Outcome<Message> outcome_;
};

TEST_F(TaskHandlers, ReplyWithWhatTheyReturn) {
  Router<Message> router;
  router.On("greet", [](Message request, CallContext) -> Task<absl::StatusOr<Message>> {
    co_return Message::Text("hello, " + request.text());
  });
  Listen(std::move(router));
  Ask(Message::Text("greet", "rain"), outcome_);
  ASSERT_TRUE(outcome_.result.ok()) << outcome_.result.status();
  EXPECT_EQ(outcome_.result->text(), "hello, rain");
}

TEST_F(TaskHandlers, MayBeMixedWithOthersOnOneRouter) {
  Router<Message> router;
  router.On(7, [](Message, CallContext) -> Task<absl::StatusOr<Message>> { co_return Message::Text("seven"); });
  router.On(
      8, [](Message, CallContext, Responder<Message> responder) { EXPECT_TRUE(responder.Reply(Message::Text("eight")).ok()); });
  router.Otherwise([](Message, CallContext) -> Task<absl::StatusOr<Message>> { co_return absl::AbortedError("otherwise"); });
  Listen(std::move(router));
  Outcome<Message> eight;
  Outcome<Message> nine;
  Ask(Message::Text(7, "?"), outcome_);
  Ask(Message::Text(8, "?"), eight);
  Ask(Message::Text(9, "?"), nine);
  EXPECT_EQ(outcome_.result->text(), "seven");
  EXPECT_EQ(eight.result->text(), "eight");
  EXPECT_TRUE(absl::IsAborted(nine.result.status()));
}

TEST_F(TaskHandlers, AnswerWithTheErrorThatTheyReturn) {
  Router<Message> router;
  router.Otherwise([](Message, CallContext) -> Task<absl::StatusOr<Message>> { co_return absl::NotFoundError("no rain"); });
  Listen(std::move(router));
  Ask(Message::Text("?"), outcome_);
  EXPECT_TRUE(absl::IsNotFound(outcome_.result.status()));
  EXPECT_THAT(std::string(outcome_.result.status().message()), HasSubstr("no rain"));
  EXPECT_THAT(logged_, ElementsAre());
}

TEST_F(TaskHandlers, AnswerWithAnErrorWhenTheyThrow) {
  Router<Message> router;
  router.Otherwise([this](Message, CallContext) -> Task<absl::StatusOr<Message>> {
    const absl::StatusOr<Message> reply = co_await back_->CoSend(Message::Text("first"));
    throw std::runtime_error("a tantrum");
  });
  Listen(std::move(router));
  Ask(Message::Text("?"), outcome_);
  EXPECT_EQ(outcome_.told, 0);
  EXPECT_TRUE(backs_.front().Reply(Message::Text("!")).ok());
  Settle();
  EXPECT_EQ(outcome_.told, 1);
  EXPECT_EQ(outcome_.result.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("a tantrum")));
}

// Neither is there a coroutine yet, nor a task.
TEST_F(TaskHandlers, AnswerWithAnErrorWhenTheyThrowBeforeTheyBegin) {
  Router<Message> router;
  router.Otherwise([](Message, CallContext) -> Task<absl::StatusOr<Message>> { throw std::runtime_error("at once"); });
  Listen(std::move(router));
  Ask(Message::Text("?"), outcome_);
  EXPECT_EQ(outcome_.result.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("at once")));
}

TEST_F(TaskHandlers, AskOthersAndOverlap) {
  Router<Message> router;
  router.Otherwise([this](Message request, CallContext) -> Task<absl::StatusOr<Message>> {
    const absl::StatusOr<Message> reply = co_await back_->CoSend(request);
    if (!reply.ok()) co_return reply.status();
    co_return Message::Text(request.text() + reply->text());
  });
  Listen(std::move(router));
  Outcome<Message> other;
  Ask(Message::Text("one "), outcome_);
  Ask(Message::Text("two "), other);
  ASSERT_EQ(backs_.size(), 2u);
  EXPECT_TRUE(backs_[1].Reply(Message::Text("b")).ok());
  Settle();
  EXPECT_EQ(other.result->text(), "two b");
  EXPECT_EQ(outcome_.told, 0);
  EXPECT_TRUE(backs_[0].Fail(absl::UnavailableError("the back is tired")).ok());
  Settle();
  EXPECT_TRUE(absl::IsUnavailable(outcome_.result.status()));
}

// What a lambda has captured is the router's, and the router's end is the listener's.
TEST_F(TaskHandlers, OutliveTheirListenerWithAllThatTheyCaptured) {
  Router<Message> router;
  std::string got;
  router.Otherwise([this, &got, word = std::string(100, 'w')](Message, CallContext) -> Task<absl::StatusOr<Message>> {
    absl::StatusOr<Message> reply = co_await back_->CoSend(Message::Text("?"));
    got = word + reply->text();
    co_return reply;
  });
  Listen(std::move(router));
  Ask(Message::Text("?"), outcome_);
  listeners_.pop_back();
  Settle();
  EXPECT_TRUE(absl::IsUnavailable(outcome_.result.status())) << outcome_.result.status();
  EXPECT_TRUE(backs_.front().Reply(Message::Text("!")).ok());
  Settle();
  EXPECT_EQ(got, std::string(100, 'w') + "!");
}

TEST_F(TaskHandlers, AreEndedByStopWhileTheyWait) {
  int ended = 0;
  Router<Message> router;
  router.Otherwise([&](Message, CallContext) -> Task<absl::StatusOr<Message>> {
    absl::StatusOr<Message> reply = co_await back_->CoSend(Message::Text("?"));
    EXPECT_TRUE(absl::IsCancelled(reply.status()));
    ++ended;
    co_return reply;
  });
  Listen(std::move(router));
  Ask(Message::Text("?"), outcome_);
  rain_->Stop();
  Settle();
  EXPECT_EQ(ended, 1);
  EXPECT_TRUE(absl::IsCancelled(outcome_.result.status()));
}

TEST_F(TaskHandlers, OfOneWayMessagesReplyNothingAndLogTheirErrors) {
  Router<Message> router;
  router.On("good", [](Message request, CallContext) -> Task<absl::StatusOr<Message>> { co_return request; });
  router.On("bad", [](Message, CallContext) -> Task<absl::StatusOr<Message>> { co_return absl::AbortedError("not today"); });
  Listen(std::move(router));
  EXPECT_TRUE(rain_->Post(messages_, kFront, Message::Text("good", "")).ok());
  Settle();
  EXPECT_THAT(logged_, ElementsAre());
  EXPECT_TRUE(rain_->Post(messages_, kFront, Message::Text("bad", "")).ok());
  Settle();
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("not today")));
  EXPECT_EQ(rain_->StatsOf(messages_).replies_sent, 0u);
}

}  // namespace
}  // namespace rain
