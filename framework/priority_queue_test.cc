#include <deque>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/queue.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/queue_suite.h"

namespace rain {
namespace {

using testing::ElementsAre;

class PriorityQueueTest : public testing::TestWithParam<QueueCheck> {};
TEST_P(PriorityQueueTest, Conforms) { EXPECT_THAT(GetParam().run({.make = NewPriorityQueue}), testing::IsEmpty()); }
INSTANTIATE_TEST_SUITE_P(Suite, PriorityQueueTest, testing::ValuesIn(QueueChecks()), QueueCheckName());

// A message of this priority, told from others of it by its size.
Outgoing& Prioritized(std::deque<Outgoing>& messages, int priority, size_t size) {
  Outgoing& message = messages.emplace_back();
  message.priority = priority;
  message.size = size;
  return message;
}

using Order = std::vector<std::pair<int, size_t>>;

Order PopAll(Queue& queue) {
  Order order;
  while (const Outgoing* message = queue.Pop()) order.emplace_back(message->priority, message->size);
  return order;
}

TEST(PriorityQueue, HigherFirstAndInOrderWithinOne) {
  std::deque<Outgoing> messages;
  const auto queue = NewPriorityQueue();
  for (size_t i = 0; i < 2; ++i) {
    for (const int priority : {0, -3, 7, 1, -8}) queue->Push(Prioritized(messages, priority, i));
  }
  EXPECT_EQ(PopAll(*queue), (Order{{7, 0}, {7, 1}, {1, 0}, {1, 1}, {0, 0}, {0, 1}, {-3, 0}, {-3, 1}, {-8, 0}, {-8, 1}}));
}

TEST(PriorityQueue, BeyondTheEndsCountsAsTheEnd) {
  std::deque<Outgoing> messages;
  const auto queue = NewPriorityQueue();
  constexpr int kMin = std::numeric_limits<int>::min();
  constexpr int kMax = std::numeric_limits<int>::max();
  for (const int priority : {kMin, kLowestPriority, kLowestPriority - 1, kHighestPriority, kMax, kHighestPriority + 1}) {
    queue->Push(Prioritized(messages, priority, 0));
  }
  EXPECT_EQ(PopAll(*queue), (Order{{7, 0}, {kMax, 0}, {8, 0}, {kMin, 0}, {-8, 0}, {-9, 0}}));
}

TEST(PriorityQueue, WhatIsPutBackLeavesBehindTheMoreUrgent) {
  std::deque<Outgoing> messages;
  const auto queue = NewPriorityQueue();
  for (size_t i = 0; i < 3; ++i) queue->Push(Prioritized(messages, 0, i));
  Outgoing& put_back = *queue->Pop();
  queue->Push(Prioritized(messages, 5, 9));
  queue->PushFront(put_back);
  EXPECT_EQ(PopAll(*queue), (Order{{5, 9}, {0, 0}, {0, 1}, {0, 2}}));
}

// A service that answers when it is told to, behind a window of one request.
class PriorityTest : public EngineFixture {
 protected:
  Protocol<Message> RegisterNarrow(QueueFactory queue) {
    auto spec = MessagesSpec("narrow");
    spec.limits.window_requests = 1;
    spec.queue = std::move(queue);
    auto protocol = Register(std::move(spec));
    Serve<Message>(protocol, "inproc://narrow", [this](Message message, CallContext, Responder<Message> responder) {
      arrived_.push_back(message.text());
      waiting_.push_back(std::move(responder));
    });
    return protocol;
  }
  void Ask(const Protocol<Message>& protocol, const std::string& text, int priority) {
    ASSERT_TRUE(
        rain_->Send(protocol, "inproc://narrow", Message::Text(text), outcomes_.emplace_back().callback(), {.priority = priority})
            .ok());
    Settle();
  }
  void AnswerAll() {
    for (; !waiting_.empty(); Settle()) {
      Responder<Message> next = std::move(waiting_.front());
      waiting_.pop_front();
      ASSERT_TRUE(next.Reply(Message::Text("done")).ok());
    }
    for (const auto& outcome : outcomes_) EXPECT_TRUE(outcome.result.ok()) << outcome.result.status();
  }

  std::vector<std::string> arrived_;
  std::deque<Responder<Message>> waiting_;
  std::deque<Outcome<Message>> outcomes_;
};

TEST_F(PriorityTest, AnUrgentRequestOvertakesThoseThatWaitForTheWindow) {
  const auto protocol = RegisterNarrow(NewPriorityQueue);
  for (const char* text : {"in flight", "low 1", "low 2"}) Ask(protocol, text, -1);
  Ask(protocol, "usual", 0);
  Ask(protocol, "urgent", 3);
  EXPECT_THAT(arrived_, ElementsAre("in flight"));
  AnswerAll();
  EXPECT_THAT(arrived_, ElementsAre("in flight", "urgent", "usual", "low 1", "low 2"));
  ExpectBalanced(protocol);
}

TEST_F(PriorityTest, TheBuiltInQueueLooksAtNoPriority) {
  const auto protocol = RegisterNarrow(nullptr);
  for (const char* text : {"in flight", "low"}) Ask(protocol, text, -1);
  Ask(protocol, "urgent", 3);
  AnswerAll();
  EXPECT_THAT(arrived_, ElementsAre("in flight", "low", "urgent"));
}

}  // namespace
}  // namespace rain
