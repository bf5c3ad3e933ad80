// Who and what a libuv loop with a thread of its own is driven by.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "listenrain/framework/callback_task_test.h"
#include "listenrain/framework/helm.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

using std::this_thread::get_id;

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  void Write() { EXPECT_EQ(write(ends_[1], "!", 1), 1); }
  // Its read end is that of `other` from now on, by the same number.
  void ReadFrom(const Pipe& other) { EXPECT_EQ(dup2(other.ends_[0], ends_[0]), ends_[0]); }
  // Of what can be read from it.
  std::unique_ptr<Watch> WatchFrom(Loop& loop, WatchCallback callback) {
    std::unique_ptr<Watch> watch = WatchDescriptor(loop, ends_[0], std::move(callback)).value();
    watch->Want(true, false);
    return watch;
  }

 private:
  int ends_[2];
};

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

// Of two descriptors that are ready at once, whichever is told first ends both watches, and has the other's number watched anew.
TEST_P(UvLoopDriving, AWatchIsNotToldWhatWasReadyForTheOneBeforeIt) {
  Pipe pipes[2];
  const Pipe empty;
  std::unique_ptr<Watch> watches[2], anew;
  int told = 0;
  int wrong = 0;
  const auto on_ready = [&](size_t other) {
    ++told;
    for (auto& watch : watches) watch.reset();
    pipes[other].ReadFrom(empty);
    anew = pipes[other].WatchFrom(*loop_, [&](Readiness) { ++wrong; });
  };
  RunOnIt([&] {
    for (const size_t i : {0, 1}) watches[i] = pipes[i].WatchFrom(*loop_, [&, i](Readiness) { on_ready(1 - i); });
  });
  Helm::Caller caller;
  ASSERT_TRUE(loop_->helm()->Take(caller));
  const auto look = [&] { loop_->Drive([] { return false; }); };
  look();
  for (Pipe& pipe : pipes) pipe.Write();
  for (int looks = 0; looks < 3; ++looks) look();
  loop_->helm()->Leave(caller);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(wrong, 0);
  RunOnIt([&] { anew.reset(); });
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

TEST_P(UvLoopDriving, FromWhenUserCodeMayRunNobodyWhoWaitsTakesOver) {
  const std::thread::id own = WhereATaskRuns();
  Helm& helm = *loop_->helm();
  Helm::Caller first, second;
  ASSERT_TRUE(helm.Take(first));
  EXPECT_FALSE(helm.Take(second));
  helm.KeepFromCallers();
  helm.Leave(first);
  std::promise<std::thread::id> where;
  loop_->Run([&] {
    where.set_value(get_id());
    second.Tell();
  });
  if (helm.Wait(second)) {
    ADD_FAILURE() << "it took over";
    loop_->Drive([&] { return !second.told(); });
    helm.Leave(second);
  }
  EXPECT_EQ(where.get_future().get(), own);
  EXPECT_FALSE(helm.Take(first));
  helm.Leave(first);
}

// Who drives only to fail lets the loop look all the same: at what was posted, and at its descriptors.
TEST_P(UvLoopDriving, WhoWantsNothingLetsTheLoopLookOnce) {
  Pipe pipe;
  int told = 0;
  std::unique_ptr<Watch> watch;
  RunOnIt([&] {
    watch = pipe.WatchFrom(*loop_, [&](Readiness) {
      ++told;
      watch->Want(false, false);
    });
  });
  Helm::Caller caller;
  ASSERT_TRUE(loop_->helm()->Take(caller));
  int ran = 0;
  loop_->Drive([] { return false; });  // when the turn that the loop's own thread may have under way is over
  pipe.Write();
  loop_->Run([&] { ++ran; });
  loop_->Drive([] { return false; });
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(told, 1);
  loop_->helm()->KeepFromCallers();
  loop_->Run([&] { ++ran; });
  loop_->Drive([] { return false; });
  EXPECT_EQ(ran, 1) << "user code might run in this turn";
  loop_->helm()->Leave(caller);
  RunOnIt([&] { watch = nullptr; });
  EXPECT_EQ(ran, 2);
}

// A descriptor that is ready after work of the same look that took long.
TEST_P(UvLoopDriving, TheTimeThatADescriptorsCallbackSeesIsNew) {
  class Takes final : public Timer {
   public:
    Takes(Loop& loop, Pipe& pipe) : loop_(loop), pipe_(pipe) {}
    Instant over() const { return over_; }

   private:
    void OnTimer() override {
      pipe_.Write();
      over_ = loop_.now() + absl::Milliseconds(5);
      while (loop_.clock().Now() < over_) std::this_thread::yield();
    }
    Loop& loop_;
    Pipe& pipe_;
    Instant over_;
  };
  Pipe pipe;
  Instant seen;
  std::unique_ptr<Watch> watch;
  RunOnIt([&] {
    watch = pipe.WatchFrom(*loop_, [&](Readiness) {
      watch->Want(false, false);
      seen = loop_->now();
    });
  });
  Takes takes(*loop_, pipe);
  Helm::Caller caller;
  ASSERT_TRUE(loop_->helm()->Take(caller));
  loop_->Drive([] { return false; });  // a look: takes the wake-ups
  bool armed = false;
  loop_->Drive([&] {
    if (!std::exchange(armed, true)) loop_->timers().Arm(takes, loop_->now());
    return false;
  });
  loop_->helm()->Leave(caller);
  EXPECT_GE(seen, takes.over());
  RunOnIt([&] { watch = nullptr; });
}

// Of what comes after a callback that took long, in the same turn.
TEST_P(UvLoopDriving, TheTimeThatATaskSeesIsNotFromBeforeTheCallbackThatPostedIt) {
  Pipe pipe;
  std::promise<bool> fresh;
  std::unique_ptr<Watch> watch;
  RunOnIt([&] {
    watch = pipe.WatchFrom(*loop_, [&](Readiness) {
      watch->Want(false, false);
      const Instant over = loop_->now() + absl::Milliseconds(5);
      while (loop_->clock().Now() < over) std::this_thread::yield();
      loop_->Run([&, over] { fresh.set_value(loop_->now() >= over); });
    });
  });
  pipe.Write();
  EXPECT_TRUE(fresh.get_future().get());
  RunOnIt([&] { watch = nullptr; });
}

// Both the posted ones and those that ask for the next turn.
TEST_P(UvLoopDriving, TasksThatAlwaysHaveAnotherDoNotKeepDescriptorsFromBeingTold) {
  Pipe pipe;
  std::promise<void> told;
  std::unique_ptr<Watch> watch;
  bool over = false;
  std::function<void()> again = [&] {
    if (!over) loop_->Run([&] { again(); });
  };
  std::unique_ptr<CallbackTask> each_turn = std::make_unique<CallbackTask>([&] {
    if (!over) loop_->InNextTurn(*each_turn);
  });
  RunOnIt([&] {
    watch = pipe.WatchFrom(*loop_, [&](Readiness) {
      over = true;
      watch->Want(false, false);
      told.set_value();
    });
    loop_->InNextTurn(*each_turn);
    again();
  });
  pipe.Write();
  EXPECT_EQ(told.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  RunOnIt([&] {
    over = true;
    watch = nullptr;
    each_turn = nullptr;
  });
}

}  // namespace
}  // namespace rain
