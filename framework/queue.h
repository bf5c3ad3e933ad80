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

// First in, first out, through the elements' own hooks.
std::unique_ptr<Queue> NewFifoQueue();

}  // namespace rain
