// An executor of a user's own, held against the installed conformance suite: one thread that runs one task after another.
#include <deque>
#include <iostream>
#include <memory>
#include <thread>
#include <utility>

#include "listenrain/executors/task_ring.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/testing/executor_suite.h"

namespace {

class OneThread final : public rain::Executor {
 public:
  // The thread shares the tasks, not the executor: the last reference to that may go inside a task.
  OneThread() : thread_([tasks = tasks_] { tasks->RunAll(); }) {}
  ~OneThread() override {
    tasks_->End();
    thread_.get_id() == std::this_thread::get_id() ? thread_.detach() : thread_.join();
  }

  void Run(rain::Job task) override { tasks_->Add(std::move(task)); }
  int concurrency() const override { return 1; }

 private:
  class Tasks {
   public:
    void Add(rain::Job task) {
      rain::MutexLock lock(mutex_);
      waiting_.push_back(std::move(task));
      changed_.SignalOne();
    }
    void End() {
      rain::MutexLock lock(mutex_);
      ended_ = true;
      changed_.SignalOne();
    }
    // Runs and destroys each task, without a lock. Those that wait at the end are destroyed with this object.
    void RunAll() {
      while (rain::Job task = Next()) rain::RunTask(std::move(task), "one thread");
    }

   private:
    // Null at the end.
    rain::Job Next() {
      rain::MutexLock lock(mutex_);
      while (waiting_.empty() && !ended_) changed_.Wait(mutex_);
      if (ended_) return nullptr;
      rain::Job task = std::move(waiting_.front());
      waiting_.pop_front();
      return task;
    }

    rain::Mutex mutex_;
    rain::CondVar changed_;
    std::deque<rain::Job> waiting_ ABSL_GUARDED_BY(mutex_);
    bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  };

  const std::shared_ptr<Tasks> tasks_ = std::make_shared<Tasks>();
  std::thread thread_;
};

}  // namespace

int main() {
  const auto violations = rain::CheckExecutor({.make = [] { return std::make_shared<OneThread>(); }, .drive = nullptr});
  for (const std::string& violation : violations) std::cout << violation << "\n";
  return violations.empty() ? 0 : 1;
}
