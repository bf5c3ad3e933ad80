#include "listenrain/framework/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace rain {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { SetLogSink(nullptr); }
};

TEST_F(LogTest, GoesToTheSink) {
  std::vector<std::string> lines;
  SetLogSink([&lines](Severity severity, absl::string_view where, absl::string_view text) {
    lines.push_back(std::to_string(static_cast<int>(severity)) + " " + std::string(where) + " " + std::string(text));
  });
  Log(Severity::info, "here", "one");
  Log(Severity::error, "there", "");
  EXPECT_THAT(lines, testing::ElementsAre("0 here one", "2 there "));
}

TEST_F(LogTest, WithoutASinkItIsALineOnStandardError) {
  testing::internal::CaptureStderr();
  Log(Severity::warning, absl::string_view("tcp listener, and more").substr(0, 12), absl::string_view("lost!").substr(0, 4));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "listenrain warning: tcp listener: lost\n");
}

TEST_F(LogTest, AnEmptySinkRestoresTheDefault) {
  int lines = 0;
  SetLogSink([&lines](Severity, absl::string_view, absl::string_view) { ++lines; });
  SetLogSink(nullptr);
  testing::internal::CaptureStderr();
  Log(Severity::info, "a", "b");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "listenrain info: a: b\n");
  EXPECT_EQ(lines, 0);
}

TEST_F(LogTest, ASinkMayLogAndReplaceItself) {
  std::vector<std::string> lines;
  SetLogSink([&lines](Severity, absl::string_view, absl::string_view text) {
    lines.push_back("first " + std::string(text));
    SetLogSink(
        [&lines](Severity, absl::string_view, absl::string_view again) { lines.push_back("second " + std::string(again)); });
    Log(Severity::info, "sink", "nested");
  });
  Log(Severity::info, "test", "outer");
  EXPECT_THAT(lines, testing::ElementsAre("first outer", "second nested"));
}

TEST_F(LogTest, ASinkIsDestroyedWhenItIsReplaced) {
  const auto held = std::make_shared<int>();
  SetLogSink([held](Severity, absl::string_view, absl::string_view) {});
  EXPECT_EQ(held.use_count(), 2);
  SetLogSink(nullptr);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(LogTest, ManyThreadsLogWhileTheSinkIsReplaced) {
  std::atomic<int> lines{0};
  const auto count = [&lines](Severity, absl::string_view, absl::string_view) { lines.fetch_add(1); };
  SetLogSink(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([] {
      for (int line = 0; line < 1000; ++line) Log(Severity::info, "thread", "line");
    });
  }
  for (int i = 0; i < 1000; ++i) SetLogSink(count);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines.load(), 3000);
}

}  // namespace
}  // namespace rain
