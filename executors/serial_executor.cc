#include "listenrain/executors/serial_executor.h"

#include <cstddef>
#include <utility>

#include "listenrain/executors/task_ring.h"
#include "listenrain/framework/mutex.h"

namespace rain {
namespace {

// The tasks that wait. For each, the executor under it was given one turn; a turn that comes while a task runs is left to whoever
// runs it.
class Lane {
 public:
  void Add(Job task) {
    MutexLock lock(mutex_);
    waiting_.Push(std::move(task));
  }

  void RunOne() {
    Job task = Begin();
    while (task) {
      RunTask(std::exchange(task, nullptr), "serial executor");
      task = Next();
    }
  }

  // For a turn that was destroyed unrun.
  void DropOne() {
    Job task;  // destroyed outside the lock
    MutexLock lock(mutex_);
    task = waiting_.Pop();
  }

 private:
  Job Begin() {
    MutexLock lock(mutex_);
    if (running_) {
      ++turns_left_;
      return nullptr;
    }
    running_ = true;
    return waiting_.Pop();
  }

  Job Next() {
    MutexLock lock(mutex_);
    if (turns_left_ == 0) {
      running_ = false;
      return nullptr;
    }
    --turns_left_;
    return waiting_.Pop();
  }

  Mutex mutex_;
  TaskRing waiting_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  size_t turns_left_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The right to one task of the lane.
class Turn {
 public:
  explicit Turn(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
  Turn(Turn&&) noexcept = default;
  ~Turn() {
    if (lane_ != nullptr) lane_->DropOne();
  }
  void operator()() && { std::exchange(lane_, nullptr)->RunOne(); }

 private:
  std::shared_ptr<Lane> lane_;
};

class SerialExecutor final : public Executor {
 public:
  explicit SerialExecutor(std::shared_ptr<Executor> under) : under_(std::move(under)) {}

  void Run(Job task) override {
    lane_->Add(std::move(task));
    under_->Run(Turn(lane_));
  }
  int concurrency() const override { return 1; }
  Loop* loop() override { return under_->loop(); }

 private:
  const std::shared_ptr<Executor> under_;
  const std::shared_ptr<Lane> lane_ = std::make_shared<Lane>();
};

}  // namespace

absl::StatusOr<std::shared_ptr<Executor>> NewSerialExecutor(std::shared_ptr<Executor> under) {
  if (under->concurrency() == 0) {
    return absl::FailedPreconditionError("a serial executor over an inline one: give it a thread pool or a loop");
  }
  return std::make_shared<SerialExecutor>(std::move(under));
}

}  // namespace rain
