#include "listenrain/testing/queue_suite.h"

#include <algorithm>
#include <deque>
#include <exception>
#include <initializer_list>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

// A queue, the messages that a check puts into it, and what must hold after each call. A message's token is its number, from 1.
// The messages outlive the queue.
class QueueBook {
 public:
  QueueBook(const QueueSubject& subject, Violations& violations) : violations_(violations), queue_(subject.make()) {
    CheckSize("made");
  }

  // One that is like all the others.
  Outgoing& New() {
    Outgoing& message = messages_.emplace_back();
    message.token = messages_.size();
    message.payload.push_back(Buffer::Static("payload"));
    message.size = SizeOf(message.payload);
    return message;
  }
  // One that differs from the others in what a queue may look at.
  Outgoing& New(Dice& dice) {
    Outgoing& message = New();
    Vary(message, dice);
    return message;
  }
  static void Vary(Outgoing& message, Dice& dice) {
    message.priority = static_cast<int>(dice.Below(5)) - 2;
    message.size = dice.Below(100'000);
    message.deadline = {static_cast<int64_t>(dice.Below(1000000000))};
    message.idempotent = dice.Below(2) == 0;
    message.header.kind = dice.Below(4) == 0 ? MessageKind::one_way : MessageKind::request;
  }

  void Push(Outgoing& message) {
    queue_->Push(message);
    inside_.insert(&message);
    CheckSize("Push");
  }
  void PushFront(Outgoing& message) {
    queue_->PushFront(message);
    inside_.insert(&message);
    CheckSize("PushFront");
  }
  void Remove(Outgoing& message) {
    queue_->Remove(message);
    inside_.erase(&message);
    CheckSize("Remove");
  }
  // Null also, and reported, if it is none of those inside.
  Outgoing* Pop() {
    Outgoing* message = queue_->Pop();
    if (message == nullptr && !inside_.empty())
      Note("Pop gave nothing, though there are ", inside_.size(), " messages in the queue");
    if (message != nullptr && inside_.erase(message) == 0) {
      Note("Pop gave a message that is not in the queue");
      message = nullptr;
    }
    CheckSize("Pop");
    return message;
  }
  // Pops all; gives their numbers.
  std::vector<Token> PopAll() {
    std::vector<Token> popped;
    while (!inside_.empty()) {
      const Outgoing* message = Pop();
      if (message == nullptr) return popped;
      popped.push_back(message->token);
    }
    Pop();
    return popped;
  }
  size_t size() const { return inside_.size(); }

  void EndQueue() { queue_.reset(); }

  template <class... Parts>
  void Note(const Parts&... parts) {
    Report(violations_, parts...);
  }

 private:
  void CheckSize(const char* call) {
    const size_t size = queue_->size();
    if (size != inside_.size()) Note("after ", call, ", size() is ", size, " with ", inside_.size(), " messages in the queue");
  }

  Violations& violations_;
  std::deque<Outgoing> messages_;
  std::set<const Outgoing*> inside_;
  std::unique_ptr<Queue> queue_;
};

void ANewQueueIsEmpty(QueueBook& book, const QueueSubject&) {
  for (int i = 0; i < 2; ++i) book.Pop();
}

void EachMessageIsPoppedOnce(QueueBook& book, const QueueSubject&) {
  Dice dice(1);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 500; ++i) book.Push(book.New(dice));
    book.PopAll();
  }
}

void MessagesAlikeLeaveInOrder(QueueBook& book, const QueueSubject& subject) {
  if (!subject.keeps_order) return;
  std::vector<Token> popped;
  for (int i = 0; i < 300; ++i) {
    book.Push(book.New());
    if (i % 3 != 2) continue;
    if (const Outgoing* message = book.Pop()) popped.push_back(message->token);
  }
  for (const Token token : book.PopAll()) popped.push_back(token);
  if (!std::is_sorted(popped.begin(), popped.end())) book.Note("messages that are alike left out of order");
}

// Several, the last popped going back first; and the only one.
void WhatCouldNotBeSentIsNext(QueueBook& book, const QueueSubject&) {
  Dice dice(2);
  for (int i = 0; i < 50; ++i) book.Push(book.New(dice));
  for (const size_t count : std::initializer_list<size_t>{1, 2, 7, 50}) {
    std::vector<Outgoing*> popped;
    while (popped.size() < count) {
      Outgoing* message = book.Pop();
      if (message == nullptr) return;
      popped.push_back(message);
    }
    for (auto message = popped.rbegin(); message != popped.rend(); ++message) book.PushFront(**message);
    for (size_t i = 0; i < count; ++i) {
      Outgoing* message = book.Pop();
      if (message != popped[i])
        return book.Note("of ", count, " messages put back by PushFront, the next to be popped was another");
    }
    for (Outgoing* message : popped) book.Push(*message);
  }
  book.PopAll();
}

void RemoveTakesOutThatMessageAlone(QueueBook& book, const QueueSubject& subject) {
  constexpr size_t kMessages = 9;
  for (size_t step = 1; step <= kMessages; ++step) {
    for (size_t first = 0; first < step; ++first) {
      std::vector<Outgoing*> messages;
      for (size_t i = 0; i < kMessages; ++i) book.Push(*messages.emplace_back(&book.New()));
      std::vector<Token> left;
      for (size_t i = 0; i < kMessages; ++i) {
        if (i % step == first) {
          book.Remove(*messages[i]);
        } else {
          left.push_back(messages[i]->token);
        }
      }
      std::vector<Token> popped = book.PopAll();
      if (!subject.keeps_order) std::sort(popped.begin(), popped.end());
      if (popped != left) return book.Note("after Remove, others left than were in the queue, or in another order");
    }
  }
}

// Messages are nodes of a pool: the next one may lie where one lay that has left, and be another.
void WhatHasLeftMayComeAgain(QueueBook& book, const QueueSubject&) {
  Dice dice(3);
  Outgoing& message = book.New(dice);
  for (int i = 0; i < 5; ++i) book.Push(book.New(dice));
  for (int round = 0; round < 100; ++round) {
    book.Push(message);
    if (round % 2 == 0) {
      book.Remove(message);
    } else {
      const std::vector<Token> popped = book.PopAll();
      if (std::count(popped.begin(), popped.end(), message.token) != 1)
        return book.Note("a message that came again was not popped once");
    }
    QueueBook::Vary(message, dice);
  }
  book.PopAll();
}

// A queue may use queue_hook, and nothing else; nor does it end what is left in it.
void MessagesAreBorrowed(QueueBook& book, const QueueSubject&) {
  Outgoing& message = book.New();
  const auto check = [&](const char* when) {
    Outgoing fresh;
    const bool same = message.token == 1 && message.priority == 7 && message.size == 7 && message.stage == fresh.stage &&
                      message.deadline == fresh.deadline && message.completion == nullptr && message.owner == nullptr &&
                      message.next == nullptr && message.charged == fresh.charged && message.header.kind == fresh.header.kind &&
                      !message.deadline_hook.linked && !message.in_flight_hook.linked && ToString(message.payload) == "payload";
    if (!same) book.Note("the queue changed a message: ", when);
  };
  message.priority = 7;
  book.Push(message);
  check("Push");
  book.Pop();
  check("Pop");
  book.PushFront(message);
  check("PushFront");
  book.Remove(message);
  check("Remove");
  book.Push(message);
  book.EndQueue();
  check("the queue's end");
}

void AnyMixOfCallsLosesNothing(QueueBook& book, const QueueSubject&) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Dice dice(seed);
    std::vector<Outgoing*> inside;
    std::vector<Outgoing*> outside;
    for (int i = 0; i < 100; ++i) outside.push_back(&book.New(dice));
    const auto move_any = [&dice](std::vector<Outgoing*>& from, std::vector<Outgoing*>& to) -> Outgoing& {
      std::swap(from[dice.Below(from.size())], from.back());
      to.push_back(from.back());
      from.pop_back();
      return *to.back();
    };
    for (int call = 0; call < 1000; ++call) {
      const size_t pushes = call / 200 % 2 == 0 ? 5 : 2;  // of eight calls: the queue fills, and empties
      const size_t what = dice.Below(8);
      if (what < pushes) {
        if (!outside.empty()) book.Push(move_any(outside, inside));
      } else if (what % 2 == 1 && what < 7) {
        if (!inside.empty()) book.Remove(move_any(inside, outside));
      } else if (Outgoing* message = book.Pop()) {
        if (what == 7) {
          book.PushFront(*message);
          continue;
        }
        inside.erase(std::find(inside.begin(), inside.end(), message));
        outside.push_back(message);
      } else if (!inside.empty()) {
        return;  // reported
      }
    }
    book.PopAll();
    if (book.size() > 0) return;
  }
}

// Each transport has one: what is in one is in no other.
void QueuesAreApart(QueueBook& book, const QueueSubject& subject) {
  Violations violations;
  {
    QueueBook other(subject, violations);
    book.Push(book.New());
    other.Pop();
    other.Push(other.New());
    other.Push(other.New());
    book.PopAll();
    other.PopAll();
  }
  for (const std::string& violation : violations) book.Note("of two queues: ", violation);
}

template <void (*check)(QueueBook&, const QueueSubject&)>
Violations InBook(const QueueSubject& subject) {
  Violations violations;
  try {
    QueueBook book(subject, violations);
    check(book, subject);
  } catch (const std::exception& thrown) {
    Report(violations, "the queue threw: ", thrown.what());
  }
  return violations;
}

}  // namespace

const std::vector<QueueCheck>& QueueChecks() {
  static const auto& checks = *new std::vector<QueueCheck>{
      {"ANewQueueIsEmpty", InBook<ANewQueueIsEmpty>},
      {"EachMessageIsPoppedOnce", InBook<EachMessageIsPoppedOnce>},
      {"MessagesAlikeLeaveInOrder", InBook<MessagesAlikeLeaveInOrder>},
      {"WhatCouldNotBeSentIsNext", InBook<WhatCouldNotBeSentIsNext>},
      {"RemoveTakesOutThatMessageAlone", InBook<RemoveTakesOutThatMessageAlone>},
      {"WhatHasLeftMayComeAgain", InBook<WhatHasLeftMayComeAgain>},
      {"MessagesAreBorrowed", InBook<MessagesAreBorrowed>},
      {"AnyMixOfCallsLosesNothing", InBook<AnyMixOfCallsLosesNothing>},
      {"QueuesAreApart", InBook<QueuesAreApart>},
  };
  return checks;
}

Violations CheckQueue(const QueueSubject& subject) {
  Violations all;
  for (const QueueCheck& check : QueueChecks()) {
    for (const std::string& violation : check.run(subject)) all.push_back(absl::StrCat(check.name, ": ", violation));
  }
  return all;
}

}  // namespace rain
