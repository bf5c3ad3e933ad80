// The manual executor: tasks wait until the test that owns it runs them.
#pragma once

#include <cstddef>

#include "listenrain/executors/task_ring.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/mutex.h"

namespace rain {

// Made and ended by a test. Thread: any for Run and size, one at a time for the rest. What is left at the end is destroyed unrun.
class ManualExecutor final : public Executor {
 public:
  ManualExecutor() = default;
  ~ManualExecutor() override { DropAll(); }
  ManualExecutor(const ManualExecutor&) = delete;
  ManualExecutor& operator=(const ManualExecutor&) = delete;

  void Run(Job task) override;
  int concurrency() const override { return 1; }

  // How many tasks wait.
  size_t size() const;
  // Runs the one that has waited longest, on this thread; false if none waits.
  bool RunOne();
  // Runs what waits and what is added meanwhile. Returns how many ran.
  size_t RunAll();
  // Destroys what waits, unrun. Returns how many.
  size_t DropAll();

 private:
  mutable Mutex mutex_;
  TaskRing waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
