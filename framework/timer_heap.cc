#include "listenrain/framework/timer_heap.h"

#include <algorithm>

namespace rain {
namespace {

constexpr size_t kArity = 4;         // shallower than two, and a node's children share cache lines
constexpr size_t kUsualTimers = 64;  // which allocate nothing, however many of them are armed at once

}  // namespace

Timer::~Timer() { Disarm(); }

void Timer::Disarm() {
  if (heap_ != nullptr) heap_->Cancel(*this);
}

TimerHeap::TimerHeap() { nodes_.reserve(kUsualTimers); }

TimerHeap::~TimerHeap() {
  for (Node& node : nodes_) node.timer->heap_ = nullptr;
}

void TimerHeap::Place(size_t index, const Node& node) {
  nodes_[index] = node;
  node.timer->index_ = index;
}

void TimerHeap::SiftUp(size_t index, Node node) {
  while (index > 0) {
    const size_t parent = (index - 1) / kArity;
    if (!Before(node, nodes_[parent])) break;
    Place(index, nodes_[parent]);
    index = parent;
  }
  Place(index, node);
}

void TimerHeap::SiftDown(size_t index, Node node) {
  for (;;) {
    const size_t first = index * kArity + 1;
    if (first >= nodes_.size()) break;
    const size_t end = std::min(first + kArity, nodes_.size());
    size_t least = first;
    for (size_t child = first + 1; child < end; ++child) {
      if (Before(nodes_[child], nodes_[least])) least = child;
    }
    if (!Before(nodes_[least], node)) break;
    Place(index, nodes_[least]);
    index = least;
  }
  Place(index, node);
}

void TimerHeap::RemoveAt(size_t index) {
  nodes_[index].timer->heap_ = nullptr;
  const Node last = nodes_.back();
  nodes_.pop_back();
  if (index == nodes_.size()) return;
  if (index > 0 && Before(last, nodes_[(index - 1) / kArity])) {
    SiftUp(index, last);
  } else {
    SiftDown(index, last);
  }
}

void TimerHeap::Arm(Timer& timer, Instant deadline) {
  if (timer.heap_ != nullptr) timer.heap_->Cancel(timer);
  const Node node{std::max(deadline, earliest_), next_order_++, &timer};
  nodes_.push_back(node);
  timer.heap_ = this;
  SiftUp(nodes_.size() - 1, node);
}

void TimerHeap::Cancel(Timer& timer) {
  if (timer.heap_ == this) RemoveAt(timer.index_);
}

void TimerHeap::Trim() {
  if (nodes_.capacity() <= std::max(kUsualTimers, 4 * nodes_.size())) return;
  std::vector<Node> fewer;
  fewer.reserve(std::max(kUsualTimers, 2 * nodes_.size()));
  fewer.assign(nodes_.begin(), nodes_.end());
  nodes_.swap(fewer);
}

size_t TimerHeap::FireDue(Instant now) {
  const uint64_t armed_before = next_order_;
  // What callbacks arm comes behind all that was due before, so that a timer which is always due holds up no other.
  earliest_ = now;
  size_t fired = 0;
  while (!nodes_.empty() && nodes_.front().deadline <= now && nodes_.front().order < armed_before) {
    Timer* timer = nodes_.front().timer;
    RemoveAt(0);
    timer->OnTimer();
    ++fired;
  }
  earliest_ = kNoLimit;
  return fired;
}

}  // namespace rain
