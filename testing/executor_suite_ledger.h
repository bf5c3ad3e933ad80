// TaskLedger: the book that the executor suite keeps on its tasks: which ran, how often, how many at once, which are destroyed.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/testing/executor_suite.h"

namespace rain {

// Of one ledger, at one moment.
struct TaskCounts {
  size_t passed = 0;     // to Run
  size_t returned = 0;   // calls of Run
  size_t started = 0;    // runs, a task that ran twice counting twice
  size_t destroyed = 0;  // tasks
  size_t active = 0;     // runs that have not ended
  size_t most_active = 0;
};

// Made by a check, kept by its tasks as well: an executor that loses them must not make them dangle. Thread: any.
class TaskLedger : public std::enable_shared_from_this<TaskLedger> {
 public:
  using Body = absl::AnyInvocable<void() &&>;

  static std::shared_ptr<TaskLedger> New(const ExecutorSubject& subject, std::shared_ptr<Executor> executor);

  // Passes a new task with this body to Run. Notes if Run throws. The executor must be alive; its destructor may run.
  void Pass(Body body = nullptr);
  int concurrency() const { return concurrency_; }
  // The ledger's reference, which is the last unless a task has another. Thread: the check's.
  std::shared_ptr<Executor> TakeExecutor() { return std::move(owner_); }

  // Drives the executor if it must be driven. False if the counts did not come to satisfy `enough` within `patience`.
  bool Await(absl::FunctionRef<bool(const TaskCounts&)> enough, absl::Duration patience);
  bool Await(absl::FunctionRef<bool(const TaskCounts&)> enough) { return Await(enough, subject_.patience); }
  TaskCounts counts();
  // The tasks in the order in which they started.
  std::vector<size_t> started();

  void Note(std::string violation);
  // Waits until every task is destroyed, tells what was noted and which tasks did not run just once, and ends the ledger's
  // reference. `may_drop`: that a task was destroyed unrun is no violation.
  Violations Close(bool may_drop = false);

 private:
  class Mark;
  struct Record {
    int runs = 0;
    bool destroyed = false;
  };

  TaskLedger(const ExecutorSubject& subject, std::shared_ptr<Executor> executor);
  void Enter(size_t task);
  void Leave();
  void Destroyed(size_t task);
  bool Drive(absl::FunctionRef<bool(const TaskCounts&)> enough);
  Violations Tell(bool may_drop);

  const ExecutorSubject subject_;
  std::shared_ptr<Executor> owner_;
  Executor& executor_;
  const int concurrency_;
  Mutex mutex_;
  CondVar changed_;
  TaskCounts counts_ ABSL_GUARDED_BY(mutex_);
  std::vector<Record> records_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> started_ ABSL_GUARDED_BY(mutex_);
  Violations noted_ ABSL_GUARDED_BY(mutex_);
};

// Tasks wait at it until it is opened.
class Gate {
 public:
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.SignalAll();
  }
  void Await() {
    MutexLock lock(mutex_);
    while (!open_) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rain
