// Begun: a task that has begun and that somebody may yet destroy, as other libraries' coroutines can be.
#pragma once

#include <coroutine>
#include <utility>

#include "listenrain/framework/task.h"

namespace rain {

// Begins the task when made. Destroys its frame when destroyed, suspended or ended; not while it runs.
class Begun {
 public:
  explicit Begun(Task<> task) : awaiter_(std::move(task).operator co_await()) {
    awaiter_.await_suspend(std::noop_coroutine()).resume();
  }
  Begun(const Begun&) = delete;
  Begun& operator=(const Begun&) = delete;

 private:
  Task<>::Awaiter awaiter_;
};

}  // namespace rain
