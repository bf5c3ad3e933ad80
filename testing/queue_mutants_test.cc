// Queues that are wrong in one way each: the suite must tell, by the check that is there for it and in its words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/framework/queue.h"
#include "listenrain/testing/queue_suite.h"

namespace rain {
namespace {

// A good queue, which mutants pass on to but for what they do wrong.
class Mutant : public Queue {
 public:
  explicit Mutant(std::shared_ptr<Queue> good = NewFifoQueue()) : good_(std::move(good)) {}
  void Push(Outgoing& outgoing) override { good_->Push(outgoing); }
  void PushFront(Outgoing& outgoing) override { good_->PushFront(outgoing); }
  Outgoing* Pop() override { return good_->Pop(); }
  void Remove(Outgoing& outgoing) override { good_->Remove(outgoing); }
  size_t size() const override { return good_->size(); }

 protected:
  Queue& good() { return *good_; }

 private:
  const std::shared_ptr<Queue> good_;
};

class CountsOneMore final : public Mutant {
  size_t size() const override { return Mutant::size() + 1; }
};

class LosesTheSeventh final : public Mutant {
  void Push(Outgoing& outgoing) override {
    if (++pushed_ != 7) Mutant::Push(outgoing);
  }
  int pushed_ = 0;
};

class GivesTheSeventhTwice final : public Mutant {
  Outgoing* Pop() override {
    Outgoing* const outgoing = Mutant::Pop();
    if (++popped_ == 7) again_ = outgoing;
    return popped_ == 8 ? std::exchange(again_, nullptr) : outgoing;
  }
  int popped_ = 0;
  Outgoing* again_ = nullptr;
};

class ThrowsWhenFull final : public Mutant {
  void Push(Outgoing& outgoing) override {
    if (size() == 64) throw std::length_error("full");
    Mutant::Push(outgoing);
  }
};

class LastFirst final : public Mutant {
  void Push(Outgoing& outgoing) override { Mutant::PushFront(outgoing); }
};

class PutsBackAtTheEnd final : public Mutant {
  void PushFront(Outgoing& outgoing) override { Mutant::Push(outgoing); }
};

// Right for one message, wrong for several.
class PutsBackBehindWhatWasPutBack final : public Mutant {
  void PushFront(Outgoing& outgoing) override {
    std::vector<Outgoing*> before;
    for (size_t i = 0; i < put_back_; ++i) before.push_back(Mutant::Pop());
    Mutant::PushFront(outgoing);
    for (auto next = before.rbegin(); next != before.rend(); ++next) Mutant::PushFront(**next);
    ++put_back_;
  }
  Outgoing* Pop() override {
    if (put_back_ > 0) --put_back_;
    return Mutant::Pop();
  }
  size_t put_back_ = 0;
};

class RemovesTheFirst final : public Mutant {
  void Remove(Outgoing&) override { Mutant::Pop(); }
};

class ReordersWhenOneIsRemoved final : public Mutant {
  void Remove(Outgoing& outgoing) override {
    Mutant::Remove(outgoing);
    if (Outgoing* const first = Mutant::Pop()) Mutant::Push(*first);
  }
};

// Marks what is removed, and drops it when its turn comes; so it drops what came again as well.
class RemovesLater final : public Mutant {
  Outgoing* Pop() override {
    Outgoing* outgoing = Mutant::Pop();
    while (outgoing != nullptr && removed_.erase(outgoing) > 0) outgoing = Mutant::Pop();
    return outgoing;
  }
  void Push(Outgoing& outgoing) override {
    if (removed_.count(&outgoing) == 0) Mutant::Push(outgoing);
  }
  void Remove(Outgoing& outgoing) override { removed_.insert(&outgoing); }
  size_t size() const override { return Mutant::size() - removed_.size(); }
  std::set<Outgoing*> removed_;
};

class WritesIntoMessages final : public Mutant {
  void Push(Outgoing& outgoing) override {
    Mutant::Push(outgoing);
    outgoing.priority = 0;
  }
};

class EndsWhatIsLeft final : public Mutant {
 public:
  ~EndsWhatIsLeft() override {
    while (Outgoing* const outgoing = Mutant::Pop()) outgoing->payload.clear();
  }
};

class ForgetsBeyondSixtyFour final : public Mutant {
  void PushFront(Outgoing& outgoing) override {
    if (size() < 64) Mutant::PushFront(outgoing);
  }
};

struct MutantCase {
  const char* name;
  const char* check;
  const char* violation;  // among what the check says
  QueueSubject subject;
};

template <class Queue>
QueueSubject Of() {
  return {.make = [] { return std::make_unique<Queue>(); }};
}

QueueSubject OneForAll() {
  return {.make = [one = std::shared_ptr<Queue>(NewFifoQueue())] { return std::make_unique<Mutant>(one); }};
}

std::vector<MutantCase> Mutants() {
  return {
      {"CountsOneMore", "ANewQueueIsEmpty", "after made, size() is 1 with 0 messages", Of<CountsOneMore>()},
      {"LosesTheSeventh", "EachMessageIsPoppedOnce", "after Push, size() is 6 with 7 messages", Of<LosesTheSeventh>()},
      {"GivesTheSeventhTwice", "EachMessageIsPoppedOnce", "Pop gave a message that is not in the queue",
       Of<GivesTheSeventhTwice>()},
      {"ThrowsWhenFull", "EachMessageIsPoppedOnce", "the queue threw: full", Of<ThrowsWhenFull>()},
      {"LastFirst", "MessagesAlikeLeaveInOrder", "messages that are alike left out of order", Of<LastFirst>()},
      {"PutsBackAtTheEnd", "WhatCouldNotBeSentIsNext", "of 1 messages put back", Of<PutsBackAtTheEnd>()},
      {"PutsBackBehindWhatWasPutBack", "WhatCouldNotBeSentIsNext", "of 2 messages put back", Of<PutsBackBehindWhatWasPutBack>()},
      {"RemovesTheFirst", "RemoveTakesOutThatMessageAlone", "Pop gave a message that is not in the queue", Of<RemovesTheFirst>()},
      {"ReordersWhenOneIsRemoved", "RemoveTakesOutThatMessageAlone", "or in another order", Of<ReordersWhenOneIsRemoved>()},
      {"RemovesLater", "WhatHasLeftMayComeAgain", "after Push, size() is", Of<RemovesLater>()},
      {"WritesIntoMessages", "MessagesAreBorrowed", "the queue changed a message: Push", Of<WritesIntoMessages>()},
      {"EndsWhatIsLeft", "MessagesAreBorrowed", "the queue changed a message: the queue's end", Of<EndsWhatIsLeft>()},
      {"ForgetsBeyondSixtyFour", "AnyMixOfCallsLosesNothing", "after PushFront, size() is ", Of<ForgetsBeyondSixtyFour>()},
      {"OneForAll", "QueuesAreApart", "of two queues: Pop gave a message that is not in the queue", OneForAll()},
  };
}

class QueueMutants : public testing::TestWithParam<MutantCase> {};

TEST_P(QueueMutants, AreCaught) {
  for (const QueueCheck& check : QueueChecks()) {
    if (std::string(check.name) != GetParam().check) continue;
    EXPECT_THAT(check.run(GetParam().subject), testing::Contains(testing::HasSubstr(GetParam().violation)));
    return;
  }
  FAIL() << "no check is called " << GetParam().check;
}

INSTANTIATE_TEST_SUITE_P(Suite, QueueMutants, testing::ValuesIn(Mutants()), QueueCheckName());

TEST(QueueSuite, EveryCheckHasAMutant) {
  std::set<std::string> have;
  for (const MutantCase& mutant : Mutants()) have.insert(mutant.check);
  for (const QueueCheck& check : QueueChecks()) EXPECT_EQ(have.count(check.name), 1u) << check.name;
}

TEST(QueueSuite, AQueueMayKeepAnotherOrderOnPurpose) {
  QueueSubject subject = Of<LastFirst>();
  subject.keeps_order = false;
  EXPECT_THAT(CheckQueue(subject), testing::IsEmpty());
}

TEST(QueueSuite, ViolationsNameTheirCheck) {
  EXPECT_THAT(CheckQueue(Of<LastFirst>()),
              testing::Contains("MessagesAlikeLeaveInOrder: messages that are alike left out of order"));
}

}  // namespace
}  // namespace rain
