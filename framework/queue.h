// Queue: what goes on the wire next.
#pragma once

#include <cstddef>
#include <memory>

#include "listenrain/framework/outgoing.h"

namespace rain {

// One per transport. Thread: loop, so it needs no locks. Elements are borrowed until popped or removed.
class Queue {
 public:
  virtual ~Queue() = default;
  virtual void Push(Outgoing& outgoing) = 0;
  // Of what was popped before and could not be sent.
  virtual void PushFront(Outgoing& outgoing) = 0;
  // Null if empty.
  virtual Outgoing* Pop() = 0;
  // An element that is in the queue: its request ended before it left.
  virtual void Remove(Outgoing& outgoing) = 0;
  virtual size_t size() const = 0;
};

// First in, first out, through the elements' own hooks. What a protocol gets that names no queue.
std::unique_ptr<Queue> NewFifoQueue();

constexpr int kLowestPriority = -8;
constexpr int kHighestPriority = 7;

// Higher priority first, and first in, first out within one (SendOptions::priority; beyond the ends counts as the end). Every
// call is O(1). Strictly so: as long as more urgent messages come, others wait, and a request among them ends by its deadline at
// the latest. Priorities order what waits here; they find no room in a full queue, nor in a full window. Replies are before any
// queue.
std::unique_ptr<Queue> NewPriorityQueue();

}  // namespace rain
