// Executors that are wrong in one way each: the suite must tell, by the check that is there for it and in its words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/executors/task_ring.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/testing/executor_suite.h"

namespace rain {
namespace {

// What mutants lose stays reachable: it is not this test's leak.
void Lose(Job task) {
  static auto& mutex = *new Mutex;
  static auto& lost = *new std::vector<Job>;
  MutexLock lock(mutex);
  lost.push_back(std::move(task));
}

// Passes tasks to a good executor in a way of its own, and claims a concurrency of its own.
class Mutant : public Executor {
 public:
  using Way = std::function<void(Executor& good, Job task)>;
  Mutant(std::shared_ptr<Executor> good, int claimed, Way way)
      : good_(std::move(good)), claimed_(claimed), way_(std::move(way)) {}
  void Run(Job task) override { way_(*good_, std::move(task)); }
  int concurrency() const override { return claimed_; }

 private:
  const std::shared_ptr<Executor> good_;
  const int claimed_;
  const Way way_;
};

// A queue beside a good executor, that tasks are taken from as `last_first` says and that is lost at the end.
class LossyQueue final : public Executor {
 public:
  LossyQueue(std::shared_ptr<Executor> good, bool last_first) : good_(std::move(good)), last_first_(last_first) {}
  ~LossyQueue() override {
    for (Job task; (task = waiting_->Take(false));) Lose(std::move(task));
  }
  void Run(Job task) override {
    waiting_->Add(std::move(task));
    good_->Run([waiting = waiting_, last_first = last_first_] {
      if (Job next = waiting->Take(last_first)) std::move(next)();
    });
  }
  int concurrency() const override { return 1; }
  Executor& good() { return *good_; }

 private:
  struct Waiting {
    void Add(Job task) {
      MutexLock lock(mutex);
      tasks.push_back(std::move(task));
    }
    Job Take(bool last) {
      MutexLock lock(mutex);
      if (tasks.empty()) return nullptr;
      const auto at = last ? tasks.end() - 1 : tasks.begin();
      Job task = std::move(*at);
      tasks.erase(at);
      return task;
    }
    Mutex mutex;
    std::vector<Job> tasks ABSL_GUARDED_BY(mutex);
  };

  const std::shared_ptr<Executor> good_;
  const bool last_first_;
  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

struct MutantCase {
  const char* name;
  const char* check;
  const char* violation;  // among what the check says
  ExecutorSubject subject;
};

ExecutorSubject Subject(std::function<std::shared_ptr<Executor>()> make, std::function<void(Executor&)> drive = nullptr) {
  // What a mutant never does is not waited for long.
  return {.make = std::move(make), .drive = std::move(drive), .patience = absl::Milliseconds(50)};
}

// `way` is made anew for each executor.
ExecutorSubject OnPool(int threads, int claimed, std::function<Mutant::Way()> way) {
  return Subject([=] { return std::make_shared<Mutant>(NewThreadPool({.threads = threads}), claimed, way()); });
}

ExecutorSubject LookedOutFor(ExecutorSubject subject) {
  subject.lookout = absl::Seconds(30);
  return subject;
}

ExecutorSubject Inline(int claimed, Mutant::Way way) {
  return Subject([=] { return std::make_shared<Mutant>(NewInlineExecutor(), claimed, way); });
}

Mutant::Way AsItShould() {
  return [](Executor& good, Job task) { good.Run(std::move(task)); };
}

Mutant::Way DropsTheSeventh() {
  return [count = std::make_shared<int>()](Executor& good, Job task) {
    if (++*count != 7) good.Run(std::move(task));
  };
}

Mutant::Way LosesTheSeventh() {
  return [count = std::make_shared<int>()](Executor& good, Job task) {
    ++*count == 7 ? Lose(std::move(task)) : good.Run(std::move(task));
  };
}

Mutant::Way RunsTwice() {
  return [](Executor& good, Job task) {
    good.Run([task = std::move(task)]() mutable {
      std::move(task)();
      std::move(task)();  // NOLINT(bugprone-use-after-move): that is the fault
    });
  };
}

Mutant::Way KeepsTheLast() {
  return [last = std::make_shared<Job>()](Executor& good, Job task) {
    good.Run([last, task = std::move(task)]() mutable {
      std::move(task)();
      *last = std::move(task);  // NOLINT(bugprone-use-after-move): that is the fault
    });
  };
}

Mutant::Way KnowsOneCaller() {
  return [first = std::make_shared<std::pair<Mutex, std::thread::id>>()](Executor& good, Job task) {
    const std::thread::id here = std::this_thread::get_id();
    MutexLock lock(first->first);
    if (first->second == std::thread::id()) first->second = here;
    if (first->second == here) good.Run(std::move(task));
  };
}

Mutant::Way RefusesWhereATaskRuns() {
  return [](Executor& good, Job task) {
    static thread_local bool running = false;
    if (running) return;
    good.Run([task = std::move(task)]() mutable {
      running = true;
      std::move(task)();
      running = false;
    });
  };
}

Mutant::Way RefusesWhereATaskEnds() {
  return [](Executor& good, Job task) {
    static thread_local bool ending = false;
    if (ending) return;
    good.Run([task = std::move(task)]() mutable {
      std::move(task)();
      ending = true;
      task = nullptr;
      ending = false;
    });
  };
}

Mutant::Way DiesOfAnException() {
  return [dead = std::make_shared<bool>()](Executor& good, Job task) {
    good.Run([dead, task = std::move(task)]() mutable {
      if (*dead) return Lose(std::move(task));
      try {
        std::move(task)();
      } catch (...) {
        *dead = true;
      }
    });
  };
}

Mutant::Way WaitsForTheTask() {
  return [](Executor& good, Job task) {
    struct Done {
      Mutex mutex;
      CondVar changed;
      bool done ABSL_GUARDED_BY(mutex) = false;
    };
    const auto done = std::make_shared<Done>();
    good.Run([done, task = std::move(task)]() mutable {
      std::move(task)();
      MutexLock lock(done->mutex);
      done->done = true;
      done->changed.SignalAll();
    });
    MutexLock lock(done->mutex);
    while (!done->done) done->changed.Wait(done->mutex);
  };
}

void RunHere(Executor&, Job task) { std::move(task)(); }

void RunOnAThreadBeside(Executor& good, Job task) {
  std::thread([&] { good.Run(std::move(task)); }).join();
}

std::vector<MutantCase> Mutants() {
  const auto pool = [] { return NewThreadPool({.threads = 1}); };
  const auto last_first = [] { return std::make_shared<LossyQueue>(std::make_shared<ManualExecutor>(), true); };
  const auto lossy = [] { return std::make_shared<LossyQueue>(std::make_shared<ManualExecutor>(), false); };
  const auto lossy_pool = [pool] { return std::make_shared<LossyQueue>(pool(), false); };
  const auto deferred = [] { return std::make_shared<Mutant>(std::make_shared<ManualExecutor>(), 0, AsItShould()); };
  const auto run_all = [](Executor& executor) {
    static_cast<ManualExecutor&>(static_cast<LossyQueue&>(executor).good()).RunAll();
  };
  const char* const each = "EachTaskRunsOnceAndIsDestroyedThen";
  const char* const dropped = "were destroyed unrun while the executor lived";
  const char* const lost = "neither ran nor were destroyed";
  return {
      {"DropsATask", each, dropped, OnPool(2, 2, DropsTheSeventh)},
      {"LosesATask", each, lost, OnPool(2, 2, LosesTheSeventh)},
      {"RunsTwice", each, "ran more than once", OnPool(2, 2, RunsTwice)},
      {"ClaimsLessThanNothing", each, "concurrency() is negative", OnPool(1, -1, AsItShould)},
      {"RunsInsideRun", each, "a task ran inside Run", Inline(1, AsItShould())},
      {"KeepsTheLastTask", "ATaskIsDestroyedWithoutWaitingForTheNext", "ran and were not destroyed", OnPool(1, 1, KeepsTheLast)},
      {"KnowsOneCaller", "RunFromManyThreads", dropped, OnPool(2, 2, KnowsOneCaller)},
      {"RefusesWhereATaskRuns", "RunFromInsideATask", dropped, OnPool(2, 2, RefusesWhereATaskRuns)},
      {"RefusesWhereATaskEnds", "RunFromATasksEnd", dropped, OnPool(2, 2, RefusesWhereATaskEnds)},
      {"DiesOfAnException", "TasksThatThrow", lost, OnPool(1, 1, DiesOfAnException)},
      {"LetsExceptionsThrough", "TasksThatThrow", "Run threw", Inline(0, RunHere)},
      {"ClaimsInlineButDefers", "InlineMeansBeforeRunReturnsOnItsThread", "yet Run returned before", Subject(deferred)},
      {"InlineOnAnotherThread", "InlineMeansBeforeRunReturnsOnItsThread", "on another thread", Inline(0, RunOnAThreadBeside)},
      {"BlocksInRun", "RunDoesNotBlock", "Run did not return", OnPool(1, 1, WaitsForTheTask)},
      {"MoreAtOnceThanClaimed", "ConcurrencyIsHonest", "concurrency() is 1, but 2 tasks ran at once",
       LookedOutFor(OnPool(2, 1, AsItShould))},
      {"FewerAtOnceThanClaimed", "ConcurrencyIsHonest", "concurrency() is 2, but only 1 tasks ran at once",
       OnPool(1, 2, AsItShould)},
      {"LastFirst", "OrderWhereConcurrencyIsOne", "ran out of order", Subject(last_first, run_all)},
      {"LosesWhatWaitsAtTheEnd", "TasksEndWithTheExecutor", lost, Subject(lossy, run_all)},
      {"LosesWhatWaitsWhenATaskEndsIt", "TheLastReferenceEndsInATask", lost, Subject(lossy_pool)},
  };
}

class ExecutorMutants : public testing::TestWithParam<MutantCase> {
 protected:
  void SetUp() override {
    SetLogSink([](Severity, absl::string_view, absl::string_view) {});
  }
  void TearDown() override { SetLogSink(nullptr); }
};

TEST_P(ExecutorMutants, AreCaught) {
  for (const ExecutorCheck& check : ExecutorChecks()) {
    if (std::string(check.name) != GetParam().check) continue;
    EXPECT_THAT(check.run(GetParam().subject), testing::Contains(testing::HasSubstr(GetParam().violation)));
    return;
  }
  FAIL() << "no check is called " << GetParam().check;
}

INSTANTIATE_TEST_SUITE_P(Suite, ExecutorMutants, testing::ValuesIn(Mutants()), ExecutorCheckName());

TEST(ExecutorSuite, EveryCheckHasAMutant) {
  std::set<std::string> have;
  for (const MutantCase& mutant : Mutants()) have.insert(mutant.check);
  for (const ExecutorCheck& check : ExecutorChecks()) EXPECT_EQ(have.count(check.name), 1u) << check.name;
}

TEST(ExecutorSuite, ViolationsNameTheirCheck) {
  EXPECT_THAT(CheckExecutor(Inline(1, AsItShould())),
              testing::Contains("RunFromInsideATask: a task ran inside Run, though concurrency() is not 0"));
}

}  // namespace
}  // namespace rain
