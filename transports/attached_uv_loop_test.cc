#include <gtest/gtest.h>
#include <uv.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "listenrain/framework/baton.h"
#include "listenrain/framework/callback_task_test.h"
#include "listenrain/framework/callback_timer_test.h"
#include "listenrain/transports/driven_loop_test.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

Instant Soon(Loop& loop, absl::Duration in) { return loop.clock().Now() + in; }

TEST(AttachedUvLoop, RunsWhatOtherThreadsPostInTheCallersTurns) {
  DrivenLoop loop;
  EXPECT_TRUE(loop->InLoop());
  std::thread::id ran_on;
  std::thread poster([&] {
    EXPECT_FALSE(loop->InLoop());
    EXPECT_FALSE(loop->RunTurn(Soon(*loop, absl::Milliseconds(1)))) << "nobody else may drive it";
    loop->Run([&] { ran_on = std::this_thread::get_id(); });
  });
  loop.RunUntil([&] { return ran_on != std::thread::id(); });
  poster.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_FALSE(loop->RunTurn(Instant::Infinite()));
}

TEST(AttachedUvLoop, KeepsTheOrderOfTasksTimersAndTurnEnds) {
  DrivenLoop loop;
  std::string order;
  CallbackTimer timer([&] { order += "timer "; });
  CallbackTask turn_end([&] { order += "end "; });
  loop->timers().Arm(timer, loop->clock().Now());
  loop->Run([&] {
    order += "task ";
    loop->AtTurnEnd(turn_end);
    loop->Run([&] { order += "later"; });
  });
  loop.RunUntil([&] { return order.size() >= 20; });
  EXPECT_EQ(order, "task timer end later");
}

// Even if it asks when the loop has looked already and is about to wait: libuv calls the handle that was started last first.
TEST(AttachedUvLoop, WhatAsksForTheNextTurnHasOne) {
  uv_loop_t uv;
  ASSERT_EQ(uv_loop_init(&uv), 0);
  int turns = 0;
  struct {
    std::shared_ptr<Loop> loop;
    std::unique_ptr<CallbackTask> task;
    bool asked = false;
  } mine;
  uv_prepare_t after_the_loops;
  uv_prepare_init(&uv, &after_the_loops);
  after_the_loops.data = &mine;
  uv_prepare_start(&after_the_loops, [](uv_prepare_t* handle) {
    auto& its = *static_cast<decltype(mine)*>(handle->data);
    if (!std::exchange(its.asked, true)) its.loop->InNextTurn(*its.task);
  });
  mine.loop = *AttachUvLoop(&uv);
  uv_timer_t limit;
  uv_timer_init(&uv, &limit);
  uv_timer_start(
      &limit, [](uv_timer_t*) {}, 20'000, 0);
  mine.task = std::make_unique<CallbackTask>([&] {
    if (++turns < 3) mine.loop->InNextTurn(*mine.task);
  });
  while (turns < 3 && uv_is_active(reinterpret_cast<uv_handle_t*>(&limit)) != 0) uv_run(&uv, UV_RUN_ONCE);
  EXPECT_EQ(turns, 3) << "within 20 s";
  mine.loop.reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&limit), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&after_the_loops), nullptr);
  EXPECT_EQ(uv_run(&uv, UV_RUN_DEFAULT), 0);
  EXPECT_EQ(uv_loop_close(&uv), 0);
}

TEST(AttachedUvLoop, SharesTheLoopWithTheCallersOwnHandles) {
  DrivenLoop loop;
  uv_timer_t mine;
  uv_timer_init(loop.uv(), &mine);
  bool fired = false;
  mine.data = &fired;
  uv_timer_start(
      &mine,
      [](uv_timer_t* handle) {
        *static_cast<bool*>(handle->data) = true;
        uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
      },
      1, 0);
  bool ours_fired = false;
  CallbackTimer ours([&] { ours_fired = true; });
  loop->timers().Arm(ours, Soon(*loop, absl::Milliseconds(2)));
  loop.RunUntil([&] { return fired && ours_fired; });
}

TEST(AttachedUvLoop, EndsWhenAnotherThreadDropsTheLastReference) {
  uv_loop_t uv;
  ASSERT_EQ(uv_loop_init(&uv), 0);
  auto loop = *AttachUvLoop(&uv);
  std::promise<bool> ended;  // in the loop
  const auto tell = [&ended](Loop* of) { ended.set_value(of->InLoop()); };
  loop->Run([&] {
    loop->Run([witness = std::unique_ptr<Loop, decltype(tell)>(loop.get(), tell)] {});
    std::thread([&] { loop.reset(); }).join();
  });
  uv_run(&uv, UV_RUN_DEFAULT);  // returns only because the loop has ended
  EXPECT_TRUE(ended.get_future().get());
  EXPECT_EQ(uv_loop_close(&uv), 0);
}

TEST(AttachedUvLoop, EndsWhenItsLastReferenceIsDroppedInsideATurn) {
  uv_loop_t uv;
  ASSERT_EQ(uv_loop_init(&uv), 0);
  auto loop = *AttachUvLoop(&uv);
  Loop* raw = loop.get();
  raw->Run([last = std::move(loop)]() mutable { last.reset(); });
  uv_run(&uv, UV_RUN_DEFAULT);
  EXPECT_FALSE(Baton::AnyHeldHere()) << "the thread may wait again";
  EXPECT_EQ(uv_loop_close(&uv), 0);
}

TEST(AttachedUvLoop, ANullLoopIsAnError) { EXPECT_EQ(AttachUvLoop(nullptr).status().code(), absl::StatusCode::kInvalidArgument); }

}  // namespace
}  // namespace rain
