#include "listenrain/testing/manual_loop.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/framework/callback_task_test.h"

namespace rain {
namespace {

class RecordingTimer final : public Timer {
 public:
  RecordingTimer(ManualLoop& loop, std::vector<int64_t>& fired) : loop_(loop), fired_(fired) {}
  absl::Duration again = absl::ZeroDuration();

 private:
  void OnTimer() override {
    fired_.push_back(loop_.clock().Now().nanoseconds);
    if (again > absl::ZeroDuration()) loop_.timers().Arm(*this, loop_.now() + again);
  }
  ManualLoop& loop_;
  std::vector<int64_t>& fired_;
};

TEST(ManualLoop, RunsTasksInLaterTurnsInTheOrderOfTheCalls) {
  ManualLoop loop;
  std::string log;
  loop.Run([&] {
    log += "a ";
    loop.Run([&] { log += "c "; });
  });
  loop.Run([&] { log += "b "; });
  EXPECT_EQ(log, "");
  loop.RunTurn(loop.now());
  EXPECT_EQ(log, "a b ");
  EXPECT_TRUE(loop.busy());
  EXPECT_TRUE(loop.RunUntilIdle());
  EXPECT_EQ(log, "a b c ");
  EXPECT_FALSE(loop.busy());
}

TEST(ManualLoop, RunsTurnEndsAskedForBetweenTurns) {
  ManualLoop loop;
  std::string log;
  CallbackTask task([&] { log += "end "; });
  loop.AtTurnEnd(task);
  EXPECT_TRUE(loop.busy());
  EXPECT_TRUE(loop.RunUntilIdle());
  EXPECT_EQ(log, "end ");
}

TEST(ManualLoop, FiresEveryTimerAtItsOwnDeadlineWhileTimePasses) {
  ManualLoop loop;
  const int64_t start = loop.clock().Now().nanoseconds;
  std::vector<int64_t> fired;
  RecordingTimer late(loop, fired);
  RecordingTimer ticks(loop, fired);
  ticks.again = absl::Nanoseconds(40);
  loop.timers().Arm(late, loop.now() + absl::Nanoseconds(70));
  loop.timers().Arm(ticks, loop.now() + absl::Nanoseconds(40));
  EXPECT_TRUE(loop.Advance(absl::Nanoseconds(119)));
  EXPECT_EQ(fired, (std::vector<int64_t>{start + 40, start + 70, start + 80}));
  EXPECT_EQ(loop.clock().Now().nanoseconds, start + 119);
  EXPECT_TRUE(loop.Advance(absl::Nanoseconds(1)));
  EXPECT_EQ(fired.back(), start + 120);
}

TEST(ManualLoop, AdvancesLoopsOfOneClockTogether) {
  auto clock = std::make_shared<ManualClock>();
  ManualLoop first(clock);
  ManualLoop second(clock);
  ManualLoop* const both[] = {&first, &second};
  std::vector<int64_t> fired;
  RecordingTimer early(second, fired);
  RecordingTimer late(first, fired);
  second.timers().Arm(early, clock->Now() + absl::Nanoseconds(10));
  first.timers().Arm(late, clock->Now() + absl::Nanoseconds(20));
  const int64_t start = clock->Now().nanoseconds;
  EXPECT_TRUE(Advance(both, absl::Seconds(1)));
  EXPECT_EQ(fired, (std::vector<int64_t>{start + 10, start + 20}));
}

TEST(ManualLoop, SaysSoWhenItNeverBecomesIdle) {
  struct Forever {
    ManualLoop& loop;
    void operator()() && { loop.Run(Forever{loop}); }
  };
  ManualLoop loop;
  loop.Run(Forever{loop});
  EXPECT_FALSE(loop.RunUntilIdle(100));
}

TEST(ManualLoop, BelongsToItsMakerUntilTheBatonIsReleased) {
  ManualLoop loop;
  EXPECT_TRUE(loop.InLoop());
  bool in_loop = true;
  bool turned = true;
  std::thread([&] {
    in_loop = loop.InLoop();
    turned = loop.RunTurn(Instant::Infinite());
  }).join();
  EXPECT_FALSE(in_loop);
  EXPECT_FALSE(turned);

  loop.ReleaseBaton();
  EXPECT_FALSE(loop.InLoop());
  bool inside = false;
  loop.Run([&] { inside = loop.InLoop(); });
  std::thread([&] { turned = loop.RunTurn(Instant::Infinite()); }).join();
  EXPECT_TRUE(turned);
  EXPECT_TRUE(inside);
}

TEST(ManualLoop, DestroysTasksThatDidNotRun) {
  auto token = std::make_shared<int>();
  auto loop = std::make_unique<ManualLoop>();
  loop->Run([token] {});
  EXPECT_EQ(token.use_count(), 2);
  loop.reset();
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace rain
