#include "listenrain/testing/executor_suite_ledger.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

thread_local int calls_of_run = 0;  // that this thread is in

}  // namespace

// Goes with a task, and ends with it.
class TaskLedger::Mark {
 public:
  Mark(std::shared_ptr<TaskLedger> ledger, size_t task) : ledger_(std::move(ledger)), task_(task) {}
  Mark(Mark&&) noexcept = default;
  ~Mark() {
    if (ledger_ != nullptr) ledger_->Destroyed(task_);
  }

  void Run(Body& body) {
    struct Stay {
      explicit Stay(Mark& mark) : ledger(*mark.ledger_) { ledger.Enter(mark.task_); }
      ~Stay() { ledger.Leave(); }
      TaskLedger& ledger;
    } stay(*this);
    const int calls = std::exchange(calls_of_run, 0);
    struct Restore {
      int calls;
      ~Restore() { calls_of_run = calls; }
    } restore{calls};
    if (body) std::move(body)();
  }

 private:
  std::shared_ptr<TaskLedger> ledger_;
  size_t task_;
};

std::shared_ptr<TaskLedger> TaskLedger::New(const ExecutorSubject& subject, std::shared_ptr<Executor> executor) {
  return std::shared_ptr<TaskLedger>(new TaskLedger(subject, std::move(executor)));
}

TaskLedger::TaskLedger(const ExecutorSubject& subject, std::shared_ptr<Executor> executor)
    : subject_(subject), owner_(std::move(executor)), executor_(*owner_), concurrency_(executor_.concurrency()) {
  if (concurrency_ < 0) noted_.push_back("concurrency() is negative");
}

void TaskLedger::Pass(Body body) {
  size_t task = 0;
  {
    MutexLock lock(mutex_);
    task = records_.size();
    records_.emplace_back();
    ++counts_.passed;
  }
  ++calls_of_run;
  try {
    executor_.Run([mark = Mark(shared_from_this(), task), body = std::move(body)]() mutable { mark.Run(body); });
  } catch (...) {
    Note("Run threw, or let a task's exception through");
  }
  --calls_of_run;
  MutexLock lock(mutex_);
  ++counts_.returned;
  changed_.SignalAll();
}

void TaskLedger::Enter(size_t task) {
  MutexLock lock(mutex_);
  ++records_[task].runs;
  ++counts_.started;
  counts_.most_active = std::max(counts_.most_active, ++counts_.active);
  started_.push_back(task);
  if (concurrency_ > 0 && calls_of_run > 0) noted_.push_back("a task ran inside Run, though concurrency() is not 0");
  changed_.SignalAll();
}

void TaskLedger::Leave() {
  MutexLock lock(mutex_);
  --counts_.active;
  changed_.SignalAll();
}

void TaskLedger::Destroyed(size_t task) {
  MutexLock lock(mutex_);
  records_[task].destroyed = true;
  ++counts_.destroyed;
  changed_.SignalAll();
}

void TaskLedger::Note(std::string violation) {
  MutexLock lock(mutex_);
  noted_.push_back(std::move(violation));
}

TaskCounts TaskLedger::counts() {
  MutexLock lock(mutex_);
  return counts_;
}

std::vector<size_t> TaskLedger::started() {
  MutexLock lock(mutex_);
  return started_;
}

bool TaskLedger::Await(absl::FunctionRef<bool(const TaskCounts&)> enough, absl::Duration patience) {
  if (subject_.drive != nullptr && owner_ != nullptr) return Drive(enough);
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(patience);
  MutexLock lock(mutex_);
  while (!enough(counts_)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    changed_.WaitUntil(mutex_, deadline);
  }
  return true;
}

// Until it is enough, or nothing happens any more.
bool TaskLedger::Drive(absl::FunctionRef<bool(const TaskCounts&)> enough) {
  for (TaskCounts before = counts();;) {
    try {
      subject_.drive(executor_);
    } catch (...) {
      Note("a task's exception came out of the executor");
    }
    const TaskCounts after = counts();
    if (enough(after)) return true;
    if (after.started == before.started && after.destroyed == before.destroyed) return false;
    before = after;
  }
}

Violations TaskLedger::Close(bool may_drop) {
  Await([](const TaskCounts& counts) { return counts.destroyed == counts.passed && counts.active == 0; });
  Violations violations = Tell(may_drop);
  owner_ = nullptr;
  return violations;
}

Violations TaskLedger::Tell(bool may_drop) {
  MutexLock lock(mutex_);
  Violations violations = noted_;
  size_t lost = 0, dropped = 0, kept = 0, repeated = 0;
  for (const Record& record : records_) {
    if (record.runs > 1) ++repeated;
    if (record.runs == 0) ++(record.destroyed ? dropped : lost);
    if (record.runs > 0 && !record.destroyed) ++kept;
  }
  const auto tell = [&, tasks = records_.size()](size_t count, absl::string_view what) {
    if (count > 0) violations.push_back(absl::StrCat(count, " of ", tasks, " tasks ", what));
  };
  tell(repeated, "ran more than once");
  tell(lost, "neither ran nor were destroyed");
  tell(kept, "ran and were not destroyed");
  if (!may_drop) tell(dropped, "were destroyed unrun while the executor lived");
  // One sentence for each kind, however many tasks show it.
  std::sort(violations.begin(), violations.end());
  violations.erase(std::unique(violations.begin(), violations.end()), violations.end());
  return violations;
}

}  // namespace rain
