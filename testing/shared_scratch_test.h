// What a codec that is wrong keeps in itself for the length of a call, as if nobody else could call it meanwhile.
#pragma once

#include <thread>
#include <utility>

#include "listenrain/framework/mutex.h"

namespace rain {

// The first call from another thread than the maker's does not return before a second one has come: so two calls overlap in every
// run, where they come from several threads at all. The maker's thread sees nothing of it.
template <class T>
class SharedScratch {
 public:
  // Puts `mine` down and takes up what lies there then.
  T PutAndTake(T mine) {
    if (std::this_thread::get_id() == maker_) return mine;
    MutexLock lock(mutex_);
    scratch_ = std::move(mine);
    if (++calls_ == 1) {
      while (calls_ < 2) changed_.Wait(mutex_);
    } else {
      changed_.SignalAll();
    }
    return scratch_;
  }

 private:
  const std::thread::id maker_ = std::this_thread::get_id();
  Mutex mutex_;
  CondVar changed_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  T scratch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
