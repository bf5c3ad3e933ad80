#include "listenrain/testing/executor_suite.h"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/testing/executor_suite_ledger.h"

namespace rain {
namespace {

// Tasks may refer to their ledger: each keeps it until it is destroyed.

std::shared_ptr<TaskLedger> Open(const ExecutorSubject& subject) { return TaskLedger::New(subject, subject.make()); }

// At least one, where tasks are to be counted per thread.
size_t Width(TaskLedger& ledger) { return static_cast<size_t>(std::max(1, ledger.concurrency())); }

Violations EachTaskRunsOnceAndIsDestroyedThen(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  for (int i = 0; i < 1000; ++i) {
    ledger->Pass([only_moved = std::make_unique<int>(i)] {});
  }
  return ledger->Close();
}

// One at a time: an executor that keeps a task until the next one comes is found out.
Violations ATaskIsDestroyedWithoutWaitingForTheNext(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  for (size_t i = 1; i <= 3; ++i) {
    ledger->Pass();
    if (!ledger->Await([i](const TaskCounts& counts) { return counts.destroyed == i; })) break;
  }
  return ledger->Close();
}

Violations RunFromManyThreads(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&ledger] {
      for (int task = 0; task < 500; ++task) ledger->Pass();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ledger->Close();
}

void PassChain(TaskLedger& ledger, int length) {
  ledger.Pass([&ledger, length] {
    if (length > 1) PassChain(ledger, length - 1);
  });
}

Violations RunFromInsideATask(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  PassChain(*ledger, 100);
  PassChain(*ledger, 100);
  return ledger->Close();
}

struct PassesWhenDestroyed {
  explicit PassesWhenDestroyed(TaskLedger& to) : ledger(to) {}
  ~PassesWhenDestroyed() { ledger.Pass(); }
  TaskLedger& ledger;
};

// So no lock may be held while a task is destroyed.
Violations RunFromATasksEnd(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  for (int i = 0; i < 100; ++i) {
    ledger->Pass([passes = std::make_unique<PassesWhenDestroyed>(*ledger)] {});
  }
  return ledger->Close();
}

Violations TasksThatThrow(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  for (size_t i = 0; i < 2 * Width(*ledger); ++i) {
    ledger->Pass([] { throw std::runtime_error("thrown by the executor suite"); });
    ledger->Pass([] { throw 42; });
  }
  for (int i = 0; i < 10; ++i) ledger->Pass();
  return ledger->Close();
}

// The other half, never inside Run unless concurrency() is 0, is watched by every check.
Violations InlineMeansBeforeRunReturnsOnItsThread(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  const std::thread::id here = std::this_thread::get_id();
  for (size_t i = 1; i <= 10; ++i) {
    ledger->Pass([&book = *ledger, here] {
      if (book.concurrency() == 0 && std::this_thread::get_id() != here) book.Note("an inline task ran on another thread");
    });
    if (ledger->concurrency() > 0) continue;
    const TaskCounts counts = ledger->counts();
    if (counts.started < i || counts.destroyed < i) {
      ledger->Note("concurrency() is 0, yet Run returned before its task had run and was destroyed");
    }
  }
  return ledger->Close();
}

// Tasks that wait for the gate, passed on a thread of their own: an executor that runs them inside Run, or waits for them there,
// must not hold up the check. The gate is opened by then, at the latest.
class GatedTasks {
 public:
  GatedTasks(TaskLedger& ledger, size_t tasks) : ledger_(ledger), tasks_(tasks) {
    caller_ = std::thread([this] {
      for (size_t i = 0; i < tasks_; ++i) ledger_.Pass([gate = gate_] { gate->Await(); });
    });
  }
  ~GatedTasks() { Open(); }

  bool AwaitPassed() {
    return ledger_.Await([this](const TaskCounts& counts) { return counts.returned == tasks_; });
  }
  void Open() {
    gate_->Open();
    if (caller_.joinable()) caller_.join();
  }

 private:
  TaskLedger& ledger_;
  const size_t tasks_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::thread caller_;
};

// Every thread of the executor is held up, and Run returns all the same.
Violations RunDoesNotBlock(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  if (ledger->concurrency() == 0 || subject.drive != nullptr) return ledger->Close();
  GatedTasks gated(*ledger, Width(*ledger) + 100);
  if (!gated.AwaitPassed()) ledger->Note("Run did not return while the tasks before it were running");
  gated.Open();
  return ledger->Close();
}

// Tasks that wait for one another fill the executor; then more of them must not get in.
Violations ConcurrencyIsHonest(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  if (ledger->concurrency() == 0 || subject.drive != nullptr) return ledger->Close();
  const size_t width = Width(*ledger);
  GatedTasks gated(*ledger, 2 * width + 2);
  const auto filled = [width](const TaskCounts& counts) { return counts.most_active >= width; };
  const auto overfull = [width](const TaskCounts& counts) { return counts.most_active > width; };
  if (ledger->Await(filled)) {
    ledger->Await(overfull, subject.lookout);
  } else {
    ledger->Note(absl::StrCat("concurrency() is ", width, ", but only ", ledger->counts().most_active, " tasks ran at once"));
  }
  gated.Open();
  Violations violations = ledger->Close();
  const size_t most = ledger->counts().most_active;
  if (most > width) violations.push_back(absl::StrCat("concurrency() is ", width, ", but ", most, " tasks ran at once"));
  return violations;
}

void ExpectOrder(TaskLedger& ledger, Violations& violations) {
  for (std::string& violation : ledger.Close()) violations.push_back(std::move(violation));
  const std::vector<size_t> started = ledger.started();
  if (!std::is_sorted(started.begin(), started.end())) violations.push_back("concurrency() is 1, but tasks ran out of order");
}

Violations OrderWhereConcurrencyIsOne(const ExecutorSubject& subject) {
  Violations violations;
  const auto outer = Open(subject);
  if (outer->concurrency() != 1) return outer->Close();
  for (int i = 0; i < 1000; ++i) outer->Pass();
  ExpectOrder(*outer, violations);
  const auto inner = Open(subject);
  inner->Pass([&book = *inner] {
    for (int i = 0; i < 1000; ++i) book.Pass();
  });
  ExpectOrder(*inner, violations);
  return violations;
}

// Run or destroyed unrun, never lost.
Violations TasksEndWithTheExecutor(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  for (int i = 0; i < 1000; ++i) ledger->Pass();
  ledger->TakeExecutor().reset();
  return ledger->Close(/*may_drop=*/true);
}

// The executor neither waits for itself nor leaves anything behind.
Violations TheLastReferenceEndsInATask(const ExecutorSubject& subject) {
  const auto ledger = Open(subject);
  if (ledger->concurrency() == 0 || subject.drive != nullptr) return ledger->Close();
  auto holder = std::make_shared<std::shared_ptr<Executor>>();
  GatedTasks gated(*ledger, Width(*ledger));
  if (gated.AwaitPassed()) {
    ledger->Pass([holder] { holder->reset(); });
    for (int i = 0; i < 100; ++i) ledger->Pass();
    *holder = ledger->TakeExecutor();
    holder.reset();
  }
  gated.Open();
  return ledger->Close(/*may_drop=*/true);
}

}  // namespace

const std::vector<ExecutorCheck>& ExecutorChecks() {
  static const auto& checks = *new std::vector<ExecutorCheck>{
      {"EachTaskRunsOnceAndIsDestroyedThen", EachTaskRunsOnceAndIsDestroyedThen},
      {"ATaskIsDestroyedWithoutWaitingForTheNext", ATaskIsDestroyedWithoutWaitingForTheNext},
      {"RunFromManyThreads", RunFromManyThreads},
      {"RunFromInsideATask", RunFromInsideATask},
      {"RunFromATasksEnd", RunFromATasksEnd},
      {"TasksThatThrow", TasksThatThrow},
      {"InlineMeansBeforeRunReturnsOnItsThread", InlineMeansBeforeRunReturnsOnItsThread},
      {"RunDoesNotBlock", RunDoesNotBlock},
      {"ConcurrencyIsHonest", ConcurrencyIsHonest},
      {"OrderWhereConcurrencyIsOne", OrderWhereConcurrencyIsOne},
      {"TasksEndWithTheExecutor", TasksEndWithTheExecutor},
      {"TheLastReferenceEndsInATask", TheLastReferenceEndsInATask},
  };
  return checks;
}

Violations CheckExecutor(const ExecutorSubject& subject) {
  Violations all;
  for (const ExecutorCheck& check : ExecutorChecks()) {
    for (const std::string& violation : check.run(subject)) all.push_back(absl::StrCat(check.name, ": ", violation));
  }
  return all;
}

}  // namespace rain
