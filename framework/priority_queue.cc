#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "listenrain/framework/queue.h"

namespace rain {
namespace {

// One list a priority, and a bit for each that is not empty: every call takes the same few steps, whatever is queued.
class PriorityQueue final : public Queue {
 public:
  void Push(Outgoing& outgoing) override {
    lists_[Mark(outgoing)].PushBack(outgoing);
    ++size_;
  }
  // Before those of its own priority: what came meanwhile and is more urgent goes first.
  void PushFront(Outgoing& outgoing) override {
    lists_[Mark(outgoing)].PushFront(outgoing);
    ++size_;
  }
  Outgoing* Pop() override {
    if (size_ == 0) return nullptr;
    Outgoing& next = *lists_[static_cast<size_t>(std::bit_width(filled_)) - 1].front();
    Remove(next);
    return &next;
  }
  void Remove(Outgoing& outgoing) override {
    const size_t level = LevelOf(outgoing);
    lists_[level].Remove(outgoing);
    if (lists_[level].empty()) filled_ &= ~(uint32_t{1} << level);
    --size_;
  }
  size_t size() const override { return size_; }

 private:
  static constexpr size_t kLevels = kHighestPriority - kLowestPriority + 1;
  static_assert(kLevels <= 32, "a bit for each");

  static size_t LevelOf(const Outgoing& outgoing) {
    return static_cast<size_t>(std::clamp(outgoing.priority, kLowestPriority, kHighestPriority) - kLowestPriority);
  }
  size_t Mark(const Outgoing& outgoing) {
    const size_t level = LevelOf(outgoing);
    filled_ |= uint32_t{1} << level;
    return level;
  }

  std::array<IntrusiveList<Outgoing, &Outgoing::queue_hook>, kLevels> lists_;
  uint32_t filled_ = 0;  // one bit a list
  size_t size_ = 0;
};

}  // namespace

std::unique_ptr<Queue> NewPriorityQueue() { return std::make_unique<PriorityQueue>(); }

}  // namespace rain
