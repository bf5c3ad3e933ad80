// LoopGate: the way to a loop for threads that cannot know whether it is still there.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "listenrain/framework/loop.h"

namespace rain {

// Made closed. Must outlive the calls to Run. Thread: any, but for Open, which comes before all else.
class LoopGate {
 public:
  LoopGate() = default;
  LoopGate(const LoopGate&) = delete;
  LoopGate& operator=(const LoopGate&) = delete;

  // Null before Open.
  const Loop* loop() const { return loop_; }
  // Borrows the loop until Shut.
  void Open(Loop& loop) {
    loop_ = &loop;
    state_.store(0, std::memory_order_release);
  }
  // Loop::Run while the gate is open; else the task is destroyed unrun.
  void Run(absl::AnyInvocable<void() &&> task) {
    if ((state_.fetch_add(kCaller, std::memory_order_acquire) & kClosed) == 0) loop_->Run(std::move(task));
    if (state_.fetch_sub(kCaller, std::memory_order_release) == (kCaller | kClosed)) state_.notify_all();
  }
  // Thread: that loop, or whoever knows that it is no more.
  bool closed() const { return (state_.load(std::memory_order_relaxed) & kClosed) != 0; }
  // No call reaches the loop that begins after this.
  void Close() { state_.fetch_or(kClosed, std::memory_order_relaxed); }
  // Nor is one under way when this returns: the loop may end. Never inside Run.
  void Shut() {
    Close();
    for (uint32_t state = state_.load(std::memory_order_acquire); state != kClosed;) {
      state_.wait(state, std::memory_order_acquire);
      state = state_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr uint32_t kClosed = 1;
  static constexpr uint32_t kCaller = 2;

  Loop* loop_ = nullptr;
  std::atomic<uint32_t> state_{kClosed};
};

}  // namespace rain
