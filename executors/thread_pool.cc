#include "listenrain/executors/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/executors/task_ring.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/mutex.h"

namespace rain {
namespace {

// What the pool and its threads share; the last of them ends it.
class Work : public std::enable_shared_from_this<Work> {
 public:
  explicit Work(const std::string& name) : where_(absl::StrCat("thread pool ", name)) {}

  // Thread: any. This, if the caller must Wake() a thread that sleeps: a reference, for the task may end the pool meanwhile.
  // After End the task is left to the caller.
  std::shared_ptr<Work> Add(Job& task);
  void Wake() { added_.SignalOne(); }
  // Thread: any. Lets the threads end when nothing waits.
  void End();
  // Runs tasks until the end. Thread: the pool's.
  void Serve();
  // Thread: any.
  void AwaitIdle();
  // True if the calling thread is in Serve.
  bool ServedHere() const { return served_here == this; }
  const std::string& where() const { return where_; }

 private:
  static thread_local const Work* served_here;

  const std::string where_;
  Mutex mutex_;
  CondVar added_;
  CondVar idle_;
  TaskRing waiting_ ABSL_GUARDED_BY(mutex_);
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t sleeping_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t waking_ ABSL_GUARDED_BY(mutex_) = 0;  // of the sleeping ones, those that were signalled
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

thread_local const Work* Work::served_here = nullptr;

std::shared_ptr<Work> Work::Add(Job& task) {
  MutexLock lock(mutex_);
  if (ending_) return nullptr;
  waiting_.Push(std::move(task));
  if (waking_ >= sleeping_) return nullptr;
  ++waking_;
  return shared_from_this();
}

void Work::End() {
  MutexLock lock(mutex_);
  ending_ = true;
  added_.SignalAll();
}

void Work::AwaitIdle() {
  if (ServedHere()) return;
  MutexLock lock(mutex_);
  while (running_ > 0 || !waiting_.empty()) idle_.Wait(mutex_);
}

void Work::Serve() {
  served_here = this;
  for (bool ran = false;; ran = true) {
    Job task;
    {
      MutexLock lock(mutex_);
      if (ran && --running_ == 0 && waiting_.empty()) idle_.SignalAll();
      while (waiting_.empty() && !ending_) {
        ++sleeping_;
        added_.Wait(mutex_);
        --sleeping_;
        if (waking_ > 0) --waking_;  // it may be another's signal, who then finds nothing to do
      }
      if (waiting_.empty()) return;
      task = waiting_.Pop();
      ++running_;
    }
    RunTask(std::move(task), where_);
  }
}

class DefaultThreadPool final : public ThreadPool {
 public:
  explicit DefaultThreadPool(const std::string& name) : work_(std::make_shared<Work>(name)) {}
  ~DefaultThreadPool() override;
  void Start(int threads, const std::string& name);

  void Run(Job task) override;
  int concurrency() const override { return static_cast<int>(threads_.size()); }
  void AwaitIdle() override { work_->AwaitIdle(); }

 private:
  const std::shared_ptr<Work> work_;
  std::vector<std::thread> threads_;
};

void DefaultThreadPool::Start(int threads, const std::string& name) {
  constexpr size_t kLongestName = 15;  // pthread_setname_np refuses more
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    try {
      threads_.emplace_back([work = work_] { work->Serve(); });
    } catch (const std::system_error& refused) {
      Log(Severity::warning, work_->where(), absl::StrCat("only ", i, " of ", threads, " threads: ", refused.what()));
      return;
    }
    const std::string number = absl::StrCat("-", i);
    pthread_setname_np(threads_.back().native_handle(), (name.substr(0, kLongestName - number.size()) + number).c_str());
  }
}

DefaultThreadPool::~DefaultThreadPool() {
  work_->End();
  // Joining the others from one of its own would wait for tasks that may wait for this one.
  const bool own = work_->ServedHere();
  for (std::thread& thread : threads_) own ? thread.detach() : thread.join();
}

void DefaultThreadPool::Run(Job task) {
  if (const auto work = work_->Add(task)) work->Wake();
}

}  // namespace

std::shared_ptr<ThreadPool> NewThreadPool(ThreadPoolOptions options) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  auto pool = std::make_shared<DefaultThreadPool>(options.name);
  pool->Start(options.threads > 0 ? options.threads : std::max(2, cores), options.name);
  return pool->concurrency() > 0 ? pool : nullptr;
}

}  // namespace rain
