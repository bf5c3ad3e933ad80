// A queue of a user's own, held against the installed conformance suite: messages of higher priority leave first.
#include <functional>
#include <iostream>
#include <map>
#include <memory>

#include "listenrain/framework/queue.h"
#include "listenrain/testing/queue_suite.h"

namespace {

class PriorityQueue final : public rain::Queue {
 public:
  void Push(rain::Outgoing& outgoing) override { lists_[outgoing.priority].PushBack(outgoing), ++size_; }
  void PushFront(rain::Outgoing& outgoing) override { lists_[outgoing.priority].PushFront(outgoing), ++size_; }

  rain::Outgoing* Pop() override {
    if (lists_.empty()) return nullptr;
    rain::Outgoing& next = *lists_.begin()->second.front();
    Remove(next);
    return &next;
  }

  void Remove(rain::Outgoing& outgoing) override {
    const auto list = lists_.find(outgoing.priority);
    list->second.Remove(outgoing);
    if (list->second.empty()) lists_.erase(list);
    --size_;
  }

  size_t size() const override { return size_; }

 private:
  using List = rain::IntrusiveList<rain::Outgoing, &rain::Outgoing::queue_hook>;

  std::map<int, List, std::greater<>> lists_;  // none is empty
  size_t size_ = 0;
};

}  // namespace

int main() {
  const auto violations = rain::CheckQueue({.make = [] { return std::make_unique<PriorityQueue>(); }});
  for (const std::string& violation : violations) std::cout << violation << "\n";
  return violations.empty() ? 0 : 1;
}
