// Every executor of this folder against the suite that users' executors are held to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/executors/serial_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/framework/log.h"
#include "listenrain/testing/executor_suite.h"

namespace rain {
namespace {

class Conformance : public testing::TestWithParam<ExecutorCheck> {
 protected:
  // Tasks that throw are logged; here they are asked for.
  void SetUp() override {
    SetLogSink([](Severity, absl::string_view, absl::string_view) {});
  }
  void TearDown() override { SetLogSink(nullptr); }

  static void Expect(const ExecutorSubject& subject) { EXPECT_THAT(GetParam().run(subject), testing::IsEmpty()); }
};

class InlineExecutorTest : public Conformance {};
class ManualExecutorTest : public Conformance {};
class SerialExecutorTest : public Conformance {};
class ThreadPoolTest : public Conformance {};

TEST_P(InlineExecutorTest, Conforms) { Expect({.make = NewInlineExecutor}); }

TEST_P(ManualExecutorTest, Conforms) {
  Expect({.make = [] { return std::make_shared<ManualExecutor>(); },
          .drive = [](Executor& executor) { static_cast<ManualExecutor&>(executor).RunAll(); }});
}

TEST_P(SerialExecutorTest, OverAThreadPoolConforms) {
  Expect({.make = [] { return NewSerialExecutor(NewThreadPool({.threads = 4})).value(); }});
}

TEST_P(ThreadPoolTest, OfOneThreadConforms) {
  Expect({.make = [] { return NewThreadPool({.threads = 1}); }});
}
TEST_P(ThreadPoolTest, OfFiveThreadsConforms) {
  Expect({.make = [] { return NewThreadPool({.threads = 5}); }});
}
TEST_P(ThreadPoolTest, OfAsManyThreadsAsItLikesConforms) {
  Expect({.make = [] { return NewThreadPool(); }});
}

INSTANTIATE_TEST_SUITE_P(Suite, InlineExecutorTest, testing::ValuesIn(ExecutorChecks()), ExecutorCheckName());
INSTANTIATE_TEST_SUITE_P(Suite, ManualExecutorTest, testing::ValuesIn(ExecutorChecks()), ExecutorCheckName());
INSTANTIATE_TEST_SUITE_P(Suite, SerialExecutorTest, testing::ValuesIn(ExecutorChecks()), ExecutorCheckName());
INSTANTIATE_TEST_SUITE_P(Suite, ThreadPoolTest, testing::ValuesIn(ExecutorChecks()), ExecutorCheckName());

}  // namespace
}  // namespace rain
