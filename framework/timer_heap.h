// TimerHeap: an indexed min-heap of deadlines. It has no clock and no thread; its owner asks what is next and fires what is due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "listenrain/framework/clock.h"

namespace rain {

class TimerHeap;

// One deadline, embedded in what waits for it. Disarmed when destroyed. Thread: the heap owner's.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return heap_ != nullptr; }

 protected:
  virtual ~Timer();
  // No effect if it is not armed.
  void Disarm();
  // Called once per arming, disarmed already: may arm again, cancel others or destroy itself. Must not throw.
  virtual void OnTimer() = 0;

 private:
  friend class TimerHeap;
  TimerHeap* heap_ = nullptr;
  size_t index_ = 0;
};

// Thread: one at a time. Timers are borrowed while armed. Arm and Cancel are O(log n) and, in steady state, allocation-free.
class TimerHeap {
 public:
  TimerHeap();
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;
  ~TimerHeap();  // disarms what is left, silently

  // Arms, or moves an armed timer. Timers with equal deadlines fire in the order of arming.
  void Arm(Timer& timer, Instant deadline);
  // No effect on a timer that is not armed.
  void Cancel(Timer& timer);

  size_t size() const { return nodes_.size(); }
  // How many fit without an allocation.
  size_t capacity() const { return nodes_.capacity(); }
  // Infinite() when empty.
  Instant next() const { return nodes_.empty() ? Instant::Infinite() : nodes_.front().deadline; }
  // Fires every timer whose deadline is at or before `now`, earliest first, and not those armed meanwhile: their deadline is
  // `now` at the earliest. Returns how many. Not within itself.
  size_t FireDue(Instant now);
  // Gives back what a burst of timers has left: most of the capacity, if less than a quarter of it is used.
  void Trim();

 private:
  struct Node {
    Instant deadline;
    uint64_t order;
    Timer* timer;
  };
  static bool Before(const Node& a, const Node& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
  }
  void Place(size_t index, const Node& node);
  void SiftUp(size_t index, Node node);
  void SiftDown(size_t index, Node node);
  void RemoveAt(size_t index);

  static constexpr Instant kNoLimit{std::numeric_limits<int64_t>::min()};

  std::vector<Node> nodes_;
  Instant earliest_ = kNoLimit;  // that Arm takes
  uint64_t next_order_ = 0;
};

}  // namespace rain
