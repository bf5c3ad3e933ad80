#include "listenrain/executors/thread_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "listenrain/framework/log.h"

namespace rain {
namespace {

std::string NameOfThisThread() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

TEST(ThreadPool, HasAtLeastTwoThreadsUnlessToldOtherwise) {
  EXPECT_GE(NewThreadPool()->concurrency(), 2);
  EXPECT_EQ(NewThreadPool({.threads = 1})->concurrency(), 1);
  EXPECT_EQ(NewThreadPool({.threads = 7})->concurrency(), 7);
}

TEST(ThreadPool, ItsThreadsAreNamedForDebuggers) {
  for (const auto& [name, shown] :
       {std::pair("pool", "pool-0"), std::pair("a-name-longer-than-the-system-takes", "a-name-longer-0")}) {
    auto pool = NewThreadPool({.threads = 1, .name = name});
    std::string seen;
    pool->Run([&seen] { seen = NameOfThisThread(); });
    pool.reset();
    EXPECT_EQ(seen, shown);
  }
}

TEST(ThreadPool, DestroyingItRunsWhatWaits) {
  auto pool = NewThreadPool({.threads = 1});
  std::promise<void> gate;
  int ran = 0;
  pool->Run([opened = gate.get_future().share()] { opened.wait(); });
  for (int i = 0; i < 100; ++i) pool->Run([&ran] { ++ran; });
  gate.set_value();
  pool.reset();
  EXPECT_EQ(ran, 100);
}

// What keeps the destructor from returning: tasks that pass on to Run for ever.
TEST(ThreadPool, WhatItsLastTasksPassToRunIsDestroyedUnrun) {
  auto pool = NewThreadPool({.threads = 1});
  Executor& raw = *pool;
  const auto alive = std::make_shared<int>();
  std::promise<void> gate;
  bool ended = false;
  // Passes on until a task comes back destroyed, which is so once the destructor has begun.
  struct Chain {
    static void Next(Executor& executor, std::shared_ptr<int> alive, bool& ended) {
      std::weak_ptr<int> passed;
      {
        auto fresh = std::make_shared<int>();
        passed = fresh;
        executor.Run([&executor, alive, &ended, fresh] { Next(executor, alive, ended); });
      }
      ended = passed.expired();
    }
  };
  pool->Run([&, opened = gate.get_future().share()] {
    opened.wait();
    Chain::Next(raw, alive, ended);
  });
  gate.set_value();
  pool.reset();
  EXPECT_TRUE(ended);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(ThreadPool, ItsThreadsRunWhatWaitsAfterItEndedInATaskOfItsOwn) {
  std::promise<void> gate;
  std::promise<int> last;
  {
    auto pool = NewThreadPool({.threads = 1});
    Executor& raw = *pool;
    raw.Run([owner = std::move(pool), opened = gate.get_future().share()]() mutable {
      opened.wait();
      owner.reset();
    });
    raw.Run([&last] { last.set_value(42); });
  }
  gate.set_value();
  EXPECT_EQ(last.get_future().get(), 42);
}

// Run must not touch the pool once its task may have ended it.
TEST(ThreadPool, TheTaskThatOwnsItMayEndItBeforeRunReturns) {
  for (int i = 0; i < 200; ++i) {
    auto pool = NewThreadPool({.threads = 2});
    std::promise<void> done;
    Executor& raw = *pool;
    raw.Run([owner = std::move(pool), &done]() mutable {
      owner.reset();
      done.set_value();
    });
    done.get_future().wait();
  }
}

TEST(ThreadPool, ATaskOfAnotherPoolMayEndIt) {
  auto outer = NewThreadPool({.threads = 1});
  int ran = 0;
  outer->Run([inner = NewThreadPool({.threads = 2}), &ran]() mutable {
    inner->Run([&ran] { ++ran; });
    inner.reset();  // joins
    ++ran;
  });
  outer.reset();
  EXPECT_EQ(ran, 2);
}

TEST(ThreadPool, WhatATaskThrowsIsLoggedUnderThePoolsName) {
  std::vector<std::string> lines;
  SetLogSink([&lines](Severity severity, absl::string_view where, absl::string_view text) {
    EXPECT_EQ(severity, Severity::error);
    lines.push_back(std::string(where) + ": " + std::string(text));
  });
  auto pool = NewThreadPool({.threads = 1, .name = "loud"});
  pool->Run([] { throw std::runtime_error("no such luck"); });
  pool->Run([] { throw 42; });
  pool.reset();
  SetLogSink(nullptr);
  EXPECT_THAT(lines,
              testing::ElementsAre("thread pool loud: no such luck", "thread pool loud: a task threw what is no std::exception"));
}

// Tasks that come one at a time put a thread to sleep and wake it each time: none may be forgotten.
TEST(ThreadPool, NoWakeUpIsLost) {
  auto pool = NewThreadPool({.threads = 3});
  for (int i = 0; i < 2000; ++i) {
    std::promise<int> ran;
    pool->Run([&ran, i] { ran.set_value(i); });
    ASSERT_EQ(ran.get_future().get(), i);
  }
}

}  // namespace
}  // namespace rain
