#include "listenrain/executors/manual_executor.h"

#include <utility>

namespace rain {

void ManualExecutor::Run(Job task) {
  MutexLock lock(mutex_);
  waiting_.Push(std::move(task));
}

size_t ManualExecutor::size() const {
  MutexLock lock(mutex_);
  return waiting_.size();
}

bool ManualExecutor::RunOne() {
  Job task;
  {
    MutexLock lock(mutex_);
    if (waiting_.empty()) return false;
    task = waiting_.Pop();
  }
  RunTask(std::move(task), "manual executor");
  return true;
}

size_t ManualExecutor::RunAll() {
  size_t count = 0;
  while (RunOne()) ++count;
  return count;
}

size_t ManualExecutor::DropAll() {
  size_t count = 0;
  for (;;) {
    Job task;  // destroyed outside the lock: its end may call Run
    MutexLock lock(mutex_);
    if (waiting_.empty()) return count;
    task = waiting_.Pop();
    ++count;
  }
}

}  // namespace rain
