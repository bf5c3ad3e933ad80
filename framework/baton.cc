#include "listenrain/framework/baton.h"

#include <cassert>

namespace rain {

struct Baton::Waiter {
  const void* thread;
  bool granted = false;
  Waiter* next = nullptr;
  CondVar changed;
};

namespace {

thread_local int batons_held = 0;

}  // namespace

bool Baton::AnyHeldHere() { return batons_held > 0; }

const void* Baton::Me() {
  static thread_local char mark;
  return &mark;
}

bool Baton::Acquire(Instant deadline, absl::FunctionRef<void()> nudge) {
  assert(!HeldHere());
  Waiter self{Me()};
  {
    MutexLock lock(mutex_);
    if (holder_.load(std::memory_order_relaxed) == nullptr) {
      holder_.store(Me(), std::memory_order_release);
      ++batons_held;
      return true;
    }
    if (last_ == nullptr) {
      first_.store(&self, std::memory_order_relaxed);
    } else {
      last_->next = &self;
    }
    last_ = &self;
  }
  nudge();
  MutexLock lock(mutex_);
  while (!self.granted) {
    if (deadline.infinite()) {
      self.changed.Wait(mutex_);
      continue;
    }
    if (SystemClock().Now() >= deadline) break;
    self.changed.WaitUntil(mutex_, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline.nanoseconds)));
  }
  if (self.granted) {
    ++batons_held;
    return true;
  }
  Waiter* before = nullptr;
  for (Waiter* at = first_.load(std::memory_order_relaxed); at != &self; at = at->next) before = at;
  if (before == nullptr) {
    first_.store(self.next, std::memory_order_relaxed);
  } else {
    before->next = self.next;
  }
  if (last_ == &self) last_ = before;
  return false;
}

void Baton::Release() {
  MutexLock lock(mutex_);
  assert(HeldHere());
  --batons_held;
  Waiter* next = first_.load(std::memory_order_relaxed);
  if (next == nullptr) {
    holder_.store(nullptr, std::memory_order_release);
    return;
  }
  first_.store(next->next, std::memory_order_relaxed);
  if (next->next == nullptr) last_ = nullptr;
  holder_.store(next->thread, std::memory_order_release);
  next->granted = true;
  next->changed.SignalOne();
}

}  // namespace rain
