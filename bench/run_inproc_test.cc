// Real runs, very short ones, of what is particular to one process, and of a window.
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "listenrain/bench/run.h"
#include "listenrain/testing/scale.h"

namespace rain::bench {
namespace {

Options ShortRun(Carrier carrier, size_t parallel, size_t payload_bytes) {
  Options options;
  options.carrier = carrier;
  options.parallel = parallel;
  options.payload_bytes = payload_bytes;
  options.warm_up = absl::Milliseconds(5);
  options.measured = absl::Milliseconds(Scaled(200, 1000, 1000));  // enough on a machine that is busy elsewhere
  options.rest = absl::Milliseconds(10);
  return options;
}

void ExpectCalls(const Options& options) {
  const absl::StatusOr<Figures> figures = Measure(options);
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_GT(figures->calls, 0u);
  EXPECT_GT(figures->client_cpu_us_per_call, 0);
}

using Load = std::tuple<size_t, size_t, absl::Duration>;

class RingTest : public testing::TestWithParam<Load> {};

TEST_P(RingTest, GetsEveryReplyRight) {
  const auto [parallel, payload_bytes, poll] = GetParam();
  Options options = RawTwinOf(ShortRun(Carrier::inproc, parallel, payload_bytes), EngineKind::ring);
  options.poll = poll;
  ExpectCalls(options);
  options.shared_payload = true;
  ExpectCalls(options);
}

INSTANTIATE_TEST_SUITE_P(Every, RingTest,
                         testing::Combine(testing::Values<size_t>(1, 100), testing::Values<size_t>(0, 110, 5000),
                                          testing::Values(absl::ZeroDuration(), kDefaultPoll)),
                         [](const auto& load) {
                           return absl::StrCat(std::get<0>(load.param), "x", std::get<1>(load.param), "_polling_",
                                               absl::ToInt64Microseconds(std::get<2>(load.param)));
                         });

class OneLoopTest : public testing::TestWithParam<Mode> {};

TEST_P(OneLoopTest, GetsEveryReplyRight) {
  for (const size_t payload_bytes : {size_t{110}, size_t{300'000}}) {
    Options options = ShortRun(Carrier::inproc, 10, payload_bytes);
    options.same_loop = true;
    options.mode = GetParam();
    ExpectCalls(options);
  }
}
INSTANTIATE_TEST_SUITE_P(Every, OneLoopTest, testing::Values(Mode::callback, Mode::coroutine),
                         [](const auto& mode) { return std::string(NameOf(mode.param)); });

TEST(OneLoop, RunsTheOtherWorkloadsToo) {
  for (const Workload workload : {Workload::oneway, Workload::connections}) {
    Options options = ShortRun(Carrier::inproc, 10, 110);
    options.same_loop = true;
    options.workload = workload;
    ExpectCalls(options);
  }
}

TEST(SharedPayload, IsHandedOverInProcessAndSentBetweenProcesses) {
  for (const Carrier carrier : {Carrier::inproc, Carrier::tcp}) {
    Options options = ShortRun(carrier, 2, 4 << 20);
    options.shared_payload = true;
    options.same_loop = carrier == Carrier::inproc;
    ExpectCalls(options);
  }
}

TEST(Window, BoundsTheMemoryOfCallsThatShareAPayload) {
  Options options = ShortRun(Carrier::local, 200, 1 << 20);
  options.measured *= 5;  // a call waits for all those before it
  options.shared_payload = true;
  options.window_mib = 8;
  const absl::StatusOr<Figures> figures = Measure(options);
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_GT(figures->calls, 0u);
  if (CurrentTestScale() == TestScale::asan) return;  // a sanitizer keeps what is freed
  // Far less than the calls in flight would take.
  EXPECT_LT(figures->client_rss_mib, 100);
  EXPECT_LT(figures->server_rss_mib, 100);
}

}  // namespace
}  // namespace rain::bench
