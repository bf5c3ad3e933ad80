// DrivenLoop: a libuv loop that the test itself runs, on its own thread: everything may be touched between two turns. For tests.
#pragma once

#include <gtest/gtest.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <utility>

#include "listenrain/framework/loop.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {

// Thread: the one that makes it.
class DrivenLoop {
 public:
  DrivenLoop() {
    EXPECT_EQ(uv_loop_init(&uv_), 0);
    auto attached = AttachUvLoop(&uv_);
    EXPECT_TRUE(attached.ok()) << attached.status();
    loop_ = *std::move(attached);
  }
  ~DrivenLoop() {
    loop_.reset();
    uv_run(&uv_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&uv_), 0) << "a handle was left";
  }

  Loop& operator*() { return *loop_; }
  Loop* operator->() { return loop_.get(); }
  uv_loop_t* uv() { return &uv_; }

  void RunTurn() { uv_run(&uv_, UV_RUN_ONCE); }
  // What is ready now, and what follows from it at once, without waiting.
  void RunReady() {
    for (int turn = 0; turn < 4; ++turn) uv_run(&uv_, UV_RUN_NOWAIT);
  }
  // False, and a failure, if it does not hold within 20 s.
  bool RunUntil(const std::function<bool()>& holds) {
    Limit limit;
    loop_->timers().Arm(limit, loop_->clock().Now() + absl::Seconds(20));
    while (!holds() && !limit.over) RunTurn();
    EXPECT_FALSE(limit.over) << "nothing happened within 20 s";
    return !limit.over;
  }
  // How many turns the loop makes in 20 ms: about one, unless something is ready and nobody takes it.
  int TurnsWhileIdle() {
    Limit limit;
    loop_->timers().Arm(limit, loop_->clock().Now() + absl::Milliseconds(20));
    int turns = 0;
    for (; !limit.over; ++turns) RunTurn();
    return turns;
  }

 private:
  class Limit final : public Timer {
   public:
    bool over = false;

   private:
    void OnTimer() override { over = true; }
  };

  uv_loop_t uv_;
  std::shared_ptr<Loop> loop_;
};

}  // namespace rain
