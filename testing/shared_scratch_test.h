// What a codec that is wrong keeps in itself for the length of a call, as if nobody else could call it meanwhile.
#pragma once

#include <thread>
#include <utility>

#include "listenrain/framework/mutex.h"

namespace rain {

// Of the first calls from other threads than the maker's, each second one does not return before the next has come: so calls
// overlap in every run, where they come from several threads at all. The maker's thread sees nothing of it.
template <class T>
class SharedScratch {
 public:
  // Puts `mine` down and takes up what lies there then.
  T PutAndTake(T mine) {
    if (std::this_thread::get_id() == maker_) return mine;
    MutexLock lock(mutex_);
    scratch_ = std::move(mine);
    const int call = ++calls_;
    changed_.SignalAll();
    while (call % 2 == 1 && call < kOverlapping && calls_ == call) changed_.Wait(mutex_);
    return scratch_;
  }

 private:
  static constexpr int kOverlapping = 64;  // fewer than one thread makes
  const std::thread::id maker_ = std::this_thread::get_id();
  Mutex mutex_;
  CondVar changed_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  T scratch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
