#include "listenrain/framework/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/coroutine_parts_test.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/framework/sync_wait.h"
#include "listenrain/framework/when_all.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

using testing::HasSubstr;

TEST(Task, IsLazy) {
  bool begun = false;
  const auto body = [&]() -> Task<> {
    begun = true;
    co_return;
  };
  Task<> task = body();
  EXPECT_FALSE(begun);
  EXPECT_TRUE(SyncWait(std::move(task)).ok());
  EXPECT_TRUE(begun);
}

TEST(Task, GivesItsResultToItsAwaiter) {
  const auto sum = []() -> Task<int> { co_return co_await Just(1) + co_await Just(2); };
  EXPECT_EQ(*SyncWait(sum()), 3);
}

TEST(Task, MovesResultsThatCannotBeCopied) {
  const auto give = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const auto pass = [&]() -> Task<std::unique_ptr<int>> {
    auto got = co_await give();
    co_return got;
  };
  EXPECT_EQ(**SyncWait(pass()), 7);
}

// Long strings: a temporary that were destroyed twice, or too early, would not go unseen under AddressSanitizer.
TEST(Task, TemporariesLiveUntilTheAwaitingExpressionEnds) {
  const std::string many(100, 'm');
  Gate gate;
  const auto join = [&gate](std::string left, const std::string& right) -> Task<std::string> {
    co_await gate.Pass();
    co_return left + right;
  };
  std::string joined;
  const auto body = [&]() -> Task<> {
    joined = co_await join(many + "1", many + "2") + co_await Joined(many + "3", many + "4");
    const size_t length = many.size();
    if ((co_await Joined(many + "5", many)).size() != 2 * length + 1) joined.clear();
    for (int i = 0; i < 3; ++i) joined += co_await Joined(std::to_string(i), std::string("."));
  };
  const auto executor = NewInlineExecutor();
  Spawn(*executor, body());
  gate.Open();
  EXPECT_EQ(joined, many + "1" + many + "2" + many + "3" + many + "40.1.2.");
}

TEST(Task, ParametersAndLocalsEndOnceWithTheFrame) {
  int alive = 0;
  Gate gate;
  const auto body = [&gate](Alive, std::vector<Alive> more) -> Task<size_t> {
    const Alive local = more.front();
    co_await gate.Pass();
    co_return more.size();
  };
  size_t size = 0;
  const auto outer = [&]() -> Task<> { size = co_await body(Alive(alive), std::vector<Alive>(3, Alive(alive))); };
  const auto executor = NewInlineExecutor();
  Spawn(*executor, outer());
  EXPECT_GE(alive, 5);
  gate.Open();
  EXPECT_EQ(size, 3u);
  EXPECT_EQ(alive, 0);
}

TEST(Task, DestroyedBeforeItBeganRunsNothingAndEndsItsParameters) {
  int alive = 0;
  bool begun = false;
  const auto body = [&begun](Alive) -> Task<> {
    begun = true;
    co_return;
  };
  {
    const Task<> task = body(Alive(alive));
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(begun);
}

TEST(Task, DestroyedWhileSuspendedEndsEverythingItAwaits) {
  int alive = 0;
  Gate gate;
  const auto inner = [&gate](Alive) -> Task<> { co_await gate.Pass(); };
  const auto middle = [&](Alive) -> Task<> { co_await inner(Alive(alive)); };
  const auto outer = [&](Alive) -> Task<> { co_await WhenAll(Throwing("ended before"), middle(Alive(alive))); };
  {
    const Begun begun(outer(Alive(alive)));
    EXPECT_TRUE(gate.waited_for());
    EXPECT_GE(alive, 3);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Task, AssignmentEndsTheFormerTask) {
  int former = 0;
  int latter = 0;
  const auto body = [](Alive) -> Task<> { co_return; };
  Task<> task = body(Alive(former));
  task = body(Alive(latter));
  EXPECT_EQ(former, 0);
  EXPECT_EQ(latter, 1);
}

TEST(Task, ThrowsToItsAwaiter) {
  std::string caught;
  const auto body = [&]() -> Task<int> {
    try {
      co_await Throwing("the cat is out");
    } catch (const std::runtime_error& thrown) {
      caught = thrown.what();
    }
    co_return 5;
  };
  EXPECT_EQ(*SyncWait(body()), 5);
  EXPECT_EQ(caught, "the cat is out");
}

TEST(Task, ThrowsThroughTasksAndEndsTheirFrames) {
  int alive = 0;
  const auto middle = [](Alive) -> Task<int> {
    co_await Throwing("from within");
    co_return 1;
  };
  const auto outer = [&]() -> Task<int> { co_return co_await middle(Alive(alive)) + 1; };
  const absl::Status status = SyncWait(outer()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("from within"));
  EXPECT_EQ(alive, 0);
}

// Without tail calls, which gcc leaves out under sanitizers, each would be one frame of the stack deeper.
TEST(Task, ALoopOfAwaitedTasksNeedsNoMoreStackThanOne) {
  const int times = static_cast<int>(Scaled(1'000'000, 1'000, 10'000'000));
  const auto body = [times]() -> Task<int64_t> {
    int64_t sum = 0;
    for (int i = 0; i < times; ++i) sum += co_await Just(i);
    co_return sum;
  };
  EXPECT_EQ(*SyncWait(body()), int64_t{times} * (times - 1) / 2);
}

TEST(FramePool, GivesBackWhatWasFreedOnThisThreadAndNothingTwice) {
  if (void* once = AllocateFrame(200); true) {
    std::memset(once, 1, 200);
    FreeFrame(once, 200);
  }
  std::vector<void*> frames;
  for (size_t size : {1, 127, 128, 129, 200, 256, 4096, 4097, 100'000}) {
    for (int i = 0; i < 3; ++i) {
      frames.push_back(AllocateFrame(size));
      std::memset(frames.back(), i, size);
    }
    for (void* frame : frames) FreeFrame(frame, size);
    std::sort(frames.begin(), frames.end());
    EXPECT_EQ(std::adjacent_find(frames.begin(), frames.end()), frames.end());
    frames.clear();
  }
}

// More than a thread keeps.
TEST(FramePool, FramesMayEndOnAnotherThread) {
  std::vector<void*> frames;
  for (int i = 0; i < 2000; ++i) frames.push_back(AllocateFrame(1000));
  std::thread([&frames] {
    for (void* frame : frames) FreeFrame(frame, 1000);
  }).join();
}

}  // namespace
}  // namespace rain
