#include "listenrain/framework/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace rain {
namespace {

struct Cell {
  Mutex mutex;
  CondVar changed;
  int value ABSL_GUARDED_BY(mutex) = 0;
};

TEST(Mutex, LetsOneThreadInAtATime) {
  Cell cell;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&cell] {
      for (int step = 0; step < 5000; ++step) {
        MutexLock lock(cell.mutex);
        ++cell.value;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(cell.mutex);
  EXPECT_EQ(cell.value, 20'000);
}

TEST(CondVar, PassesTheWordBackAndForth) {
  Cell cell;
  constexpr int kRounds = 1000;
  std::thread other([&cell] {
    for (int round = 0; round < kRounds; ++round) {
      MutexLock lock(cell.mutex);
      while (cell.value != 2 * round + 1) cell.changed.Wait(cell.mutex);
      ++cell.value;
      cell.changed.SignalOne();
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    MutexLock lock(cell.mutex);
    ++cell.value;
    cell.changed.SignalOne();
    while (cell.value != 2 * round + 2) cell.changed.Wait(cell.mutex);
  }
  other.join();
}

TEST(CondVar, SignalAllWakesAll) {
  Cell cell;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&cell] {
      MutexLock lock(cell.mutex);
      while (cell.value == 0) cell.changed.Wait(cell.mutex);
    });
  }
  {
    MutexLock lock(cell.mutex);
    cell.value = 1;
    cell.changed.SignalAll();
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(CondVar, WaitUntilEndsAtItsDeadlineAndHoldsTheMutexAgain) {
  Cell cell;
  std::thread other;
  {
    MutexLock lock(cell.mutex);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
    while (std::chrono::steady_clock::now() < deadline) cell.changed.WaitUntil(cell.mutex, deadline);
    other = std::thread([&cell] {
      MutexLock inner(cell.mutex);
      cell.value = 1;
    });
    EXPECT_EQ(cell.value, 0);
    cell.value = 2;  // a race, were the mutex not held
  }
  other.join();
  MutexLock lock(cell.mutex);
  EXPECT_EQ(cell.value, 1);
}

}  // namespace
}  // namespace rain
