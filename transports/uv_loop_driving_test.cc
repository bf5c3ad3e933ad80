// Who and what a libuv loop with a thread of its own is driven by.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "listenrain/framework/helm.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

using std::this_thread::get_id;

class UvLoopDriving : public testing::TestWithParam<absl::Duration> {
 protected:
  // The thread that a task runs on.
  std::thread::id WhereATaskRuns() {
    std::promise<std::thread::id> where;
    loop_->Run([&] { where.set_value(get_id()); });
    return where.get_future().get();
  }

  void RunOnIt(const std::function<void()>& task) {
    std::promise<void> ran;
    loop_->Run([&] {
      task();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  std::shared_ptr<Loop> loop_ = NewUvLoop({.poll = GetParam()}).value();
};
INSTANTIATE_TEST_SUITE_P(, UvLoopDriving, testing::Values(absl::ZeroDuration(), absl::Microseconds(50)),
                         [](const auto& which) { return which.param == absl::ZeroDuration() ? "Sleeping" : "Polling"; });

TEST_P(UvLoopDriving, WhoHasTheHelmRunsEverythingThatComes) {
  const std::thread::id own = WhereATaskRuns();
  constexpr int kTasks = 1000;
  Helm::Caller caller;
  ASSERT_TRUE(loop_->helm()->Take(caller));
  const std::thread::id driver = get_id();
  int ran = 0;
  int ran_here = 0;
  std::function<void()> next = [&] {
    if (get_id() == driver) ++ran_here;
    if (++ran == kTasks) return caller.Tell();
    loop_->Run([&] { next(); });
  };
  loop_->Run([&] { next(); });
  loop_->Drive([&] {
    EXPECT_TRUE(loop_->InLoop());
    return !caller.told();
  });
  EXPECT_FALSE(loop_->InLoop());
  loop_->helm()->Leave(caller);
  EXPECT_EQ(ran, kTasks);
  EXPECT_GT(ran_here, kTasks / 2) << "all but the turns that the loop's own thread had begun, or waited for";
  EXPECT_EQ(WhereATaskRuns(), own) << "when nobody waits, the loop's own thread drives";
}

// The time of the turn in which it submits, and not of one long ago.
TEST_P(UvLoopDriving, TheTimeIsNewWhereOneBeginsToDrive) {
  WhereATaskRuns();
  const Instant before = loop_->clock().Now();
  Helm::Caller caller;
  ASSERT_TRUE(loop_->helm()->Take(caller));
  loop_->Drive([&] {
    EXPECT_GE(loop_->now(), before);
    return false;
  });
  loop_->helm()->Leave(caller);
}

TEST_P(UvLoopDriving, ATimerFiresWhileOneDrives) {
  class Ends final : public Timer {
   public:
    explicit Ends(Helm::Caller& caller) : caller_(caller) {}

   private:
    void OnTimer() override { caller_.Tell(); }
    Helm::Caller& caller_;
  };
  Helm::Caller caller;
  Ends ends(caller);
  ASSERT_TRUE(loop_->helm()->Take(caller));
  bool armed = false;
  loop_->Drive([&] {
    if (!std::exchange(armed, true)) loop_->timers().Arm(ends, loop_->now() + absl::Milliseconds(5));
    return !caller.told();
  });
  loop_->helm()->Leave(caller);
}

TEST_P(UvLoopDriving, WithManyCallersTheLoopsOwnThreadDrives) {
  const std::thread::id own = WhereATaskRuns();
  Helm& helm = *loop_->helm();
  Helm::Caller first, second, third;
  ASSERT_TRUE(helm.Take(first));
  EXPECT_FALSE(helm.Take(second));
  EXPECT_FALSE(helm.Take(third));
  loop_->Drive([] { return false; });
  helm.Leave(first);
  std::promise<std::thread::id> where;
  loop_->Run([&] {
    where.set_value(get_id());
    second.Tell();
    third.Tell();
  });
  EXPECT_EQ(where.get_future().get(), own);
  EXPECT_FALSE(helm.Wait(second)) << "told, and not to drive";
  EXPECT_FALSE(helm.Wait(third));
  EXPECT_FALSE(helm.Take(first)) << "for a while";
  helm.Leave(first);
}

TEST_P(UvLoopDriving, TheOneThatWaitsBesideTakesOver) {
  Helm& helm = *loop_->helm();
  Helm::Caller first, second;
  ASSERT_TRUE(helm.Take(first));
  EXPECT_FALSE(helm.Take(second));
  helm.Leave(first);
  EXPECT_TRUE(helm.Wait(second));
  loop_->Drive([] { return false; });
  helm.Leave(second);
}

TEST_P(UvLoopDriving, TasksThatAlwaysHaveAnotherDoNotKeepDescriptorsFromBeingTold) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::promise<void> told;
  std::unique_ptr<Watch> watch;
  bool over = false;
  std::function<void()> again = [&] {
    if (!over) loop_->Run([&] { again(); });
  };
  RunOnIt([&] {
    watch = WatchDescriptor(*loop_, ends[0], [&](Readiness) {
              over = true;
              watch->Want(false, false);
              told.set_value();
            }).value();
    watch->Want(true, false);
    again();
  });
  ASSERT_EQ(write(ends[1], "!", 1), 1);
  EXPECT_EQ(told.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  RunOnIt([&] {
    over = true;
    watch = nullptr;
  });
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace rain
