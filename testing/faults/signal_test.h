// Signal: something a test waits for, from another thread.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "listenrain/framework/loop.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/ref.h"

namespace rain {

// How long a test waits for what must come before it says that it does not.
inline constexpr std::chrono::seconds kPatience{30};

// Counts up; some wait for it to reach a number. Thread: any.
class Signal {
 public:
  void Raise() {
    MutexLock lock(mutex_);
    ++raised_;
    changed_.SignalAll();
  }
  int raised() const {
    MutexLock lock(mutex_);
    return raised_;
  }
  // Without a limit: the program's own time-out ends a test that hangs here, with all stacks to be looked at.
  void Wait(int times = 1) {
    MutexLock lock(mutex_);
    while (raised_ < times) changed_.Wait(mutex_);
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int raised_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Runs the task on the loop and waits for it. Not on the loop.
inline void OnLoop(Loop& loop, std::function<void()> task) {
  Signal done;
  loop.Run([&] {
    task();
    done.Raise();
  });
  done.Wait();
}

// Waits for something that nobody announces: looks at it again and again.
template <class Holds>
bool Eventually(Holds holds) {
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

// The same, for something that a loop changes: looks once after each of its turns.
template <class Holds>
bool Eventually(Loop& loop, Holds holds) {
  return Eventually([&] {
    OnLoop(loop, [] {});
    return holds();
  });
}

}  // namespace rain
