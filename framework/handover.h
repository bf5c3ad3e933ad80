// Handover: one value, from the thread that has it to the thread that waits for it.
#pragma once

#include <optional>
#include <utility>

#include "listenrain/framework/mutex.h"

namespace rain {

// Lives with the one who waits, who may end it as soon as the value is there.
template <class T>
class Handover {
 public:
  // Once. Signals under the lock: this may be gone as soon as it is released.
  void Put(T value) {
    MutexLock lock(mutex_);
    value_.emplace(std::move(value));
    changed_.SignalOne();
  }
  // Blocks until the value is there.
  T Take() {
    MutexLock lock(mutex_);
    while (!value_.has_value()) changed_.Wait(mutex_);
    return *std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
