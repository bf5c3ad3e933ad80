#include "listenrain/transports/uv_loop.h"

#include <gtest/gtest.h>
#include <uv.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "listenrain/transports/driven_loop.h"

namespace rain {
namespace {

// Waits, on any thread but the loop's, until a task of the loop has run.
template <typename F>
void RunOn(Loop& loop, F task) {
  std::promise<void> done;
  loop.Run([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

TEST(UvLoop, RunsTasksInTheOrderOfTheCallsOnOneThread) {
  auto loop = NewUvLoop();
  std::vector<int> order;
  std::thread::id thread;
  for (int i = 0; i < 1000; ++i) loop->Run([&order, i] { order.push_back(i); });
  RunOn(*loop, [&] {
    thread = std::this_thread::get_id();
    EXPECT_TRUE(loop->InLoop());
  });
  EXPECT_FALSE(loop->InLoop());
  EXPECT_NE(thread, std::this_thread::get_id());
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

}  // namespace
}  // namespace rain
