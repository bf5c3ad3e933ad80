#include "listenrain/bench/run.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/limits.h"
#include "listenrain/testing/scale.h"

namespace rain::bench {
namespace {

// Long enough for a call to end within it on a machine that is busy elsewhere.
const absl::Duration kMeasured = absl::Milliseconds(Scaled(200, 1000, 1000));

constexpr size_t kLargeBytes = 512 << 10;

Options ShortRun(EngineKind engine, Carrier carrier, size_t parallel, size_t payload_bytes) {
  Options options;
  options.engine = engine;
  options.carrier = carrier;
  options.parallel = parallel;
  options.payload_bytes = payload_bytes;
  options.warm_up = absl::Milliseconds(5);
  options.measured = kMeasured;
  return options;
}

using Load = std::tuple<EngineKind, Carrier, size_t, size_t>;

class YardstickTest : public testing::TestWithParam<Load> {};

TEST_P(YardstickTest, GetsEveryReplyRightAndTellsPlausibleFigures) {
  const auto [engine, carrier, parallel, payload_bytes] = GetParam();
  Options options = RawTwinOf(ShortRun(engine, carrier, parallel, payload_bytes), engine);
  if (parallel * payload_bytes >= kLargeBytes) options.measured *= 5;  // a call waits for all those before it
  const absl::StatusOr<Figures> figures = Measure(options);
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_GT(figures->calls, 0u);
  EXPECT_DOUBLE_EQ(figures->seconds, absl::ToDoubleSeconds(options.measured));
  EXPECT_NEAR(figures->calls_per_second, static_cast<double>(figures->calls) / figures->seconds,
              1e-3 * figures->calls_per_second);
  EXPECT_GT(figures->p50_us, 0);
  EXPECT_GE(figures->p99_us, figures->p50_us);
  EXPECT_GE(figures->p999_us, figures->p99_us);
  EXPECT_GT(figures->client_cpu_us_per_call, 0);
  EXPECT_GT(figures->server_cpu_us_per_call, 0);
  EXPECT_GT(figures->client_rss_mib, 0);
  EXPECT_GT(figures->server_rss_mib, 0);
}

std::string LoadName(const testing::TestParamInfo<Load>& load) {
  const auto [engine, carrier, parallel, payload_bytes] = load.param;
  return absl::StrCat(NameOf(engine), "_", NameOf(carrier), "_", parallel, "x", payload_bytes);
}

constexpr auto kEngines = {EngineKind::epoll, EngineKind::uv};
constexpr auto kCarriers = {Carrier::tcp, Carrier::local};

INSTANTIATE_TEST_SUITE_P(Small, YardstickTest,
                         testing::Combine(testing::ValuesIn(kEngines), testing::ValuesIn(kCarriers),
                                          testing::Values<size_t>(1, 100), testing::Values<size_t>(0, 110)),
                         LoadName);
// More in flight than all the sockets' buffers hold: both sides meet a full peer.
INSTANTIATE_TEST_SUITE_P(Large, YardstickTest,
                         testing::Combine(testing::ValuesIn(kEngines), testing::ValuesIn(kCarriers), testing::Values<size_t>(32),
                                          testing::Values<size_t>(1 << 20)),
                         LoadName);
INSTANTIATE_TEST_SUITE_P(Many, YardstickTest,
                         testing::Combine(testing::ValuesIn(kEngines), testing::ValuesIn(kCarriers),
                                          testing::Values<size_t>(4000), testing::Values<size_t>(4096)),
                         LoadName);

using Way = std::tuple<Carrier, Mode, Codec, Execution>;

class RainTest : public testing::TestWithParam<Way> {
 protected:
  static void ExpectFiguresOf(size_t parallel, size_t payload_bytes) {
    const auto [carrier, mode, codec, execution] = GetParam();
    Options options = ShortRun(EngineKind::rain, carrier, parallel, payload_bytes);
    options.mode = mode;
    options.codec = codec;
    options.execution = execution;
    const absl::StatusOr<Figures> figures = Measure(options);
    ASSERT_TRUE(figures.ok()) << figures.status();
    EXPECT_GT(figures->calls, 0u);
    EXPECT_GT(figures->client_cpu_us_per_call, 0);
    EXPECT_EQ(figures->server_cpu_us_per_call > 0, carrier != Carrier::inproc) << "of one process all is told as the client's";
  }
};

TEST_P(RainTest, GetsEveryReplyRight) { ExpectFiguresOf(50, 110); }
TEST_P(RainTest, GetsEveryLargeReplyRight) { ExpectFiguresOf(4, 300'000); }

std::string WayName(const testing::TestParamInfo<Way>& way) {
  const auto [carrier, mode, codec, execution] = way.param;
  return absl::StrCat(NameOf(carrier), "_", NameOf(mode), "_", NameOf(codec), "_", NameOf(execution));
}

INSTANTIATE_TEST_SUITE_P(Every, RainTest,
                         testing::Combine(testing::Values(Carrier::tcp, Carrier::inproc),
                                          testing::Values(Mode::callback, Mode::coroutine, Mode::sync),
                                          testing::Values(Codec::compact, Codec::capnp),
                                          testing::Values(Execution::direct, Execution::pool)),
                         WayName);

TEST(Measure, KeepsMoreCallsInFlightThanTheDefaultLimitsAllow) {
  Options many = ShortRun(EngineKind::rain, Carrier::tcp, Limits().window_requests + 1, 16);
  many.measured *= 5;
  const absl::StatusOr<Figures> figures = Measure(many);
  ASSERT_TRUE(figures.ok()) << figures.status();
}

TEST(Measure, AddsUpWhatSeveralClientsDo) {
  Options options = ShortRun(EngineKind::rain, Carrier::tcp, 10, 110);
  options.clients = 3;
  for (const Options& each : {options, RawTwinOf(options, EngineKind::epoll)}) {
    const absl::StatusOr<Figures> figures = Measure(each);
    ASSERT_TRUE(figures.ok()) << figures.status();
    EXPECT_EQ(figures->clients, 3u);
    EXPECT_NEAR(figures->calls_per_second, static_cast<double>(figures->calls) / figures->seconds,
                1e-3 * figures->calls_per_second);
    EXPECT_GT(figures->client_cpu_us_per_call, 0);
    EXPECT_GT(figures->server_cpu_us_per_call, 0);
  }
}

TEST(Measure, RefusesOptionsThatDoNotGoTogether) {
  Options inproc = RawTwinOf(ShortRun(EngineKind::epoll, Carrier::inproc, 1, 1), EngineKind::epoll);
  EXPECT_EQ(Measure(inproc).status().code(), absl::StatusCode::kInvalidArgument);
  Options sync = RawTwinOf(ShortRun(EngineKind::epoll, Carrier::tcp, 1, 1), EngineKind::epoll);
  sync.mode = Mode::sync;
  EXPECT_EQ(Measure(sync).status().code(), absl::StatusCode::kInvalidArgument);
  Options polling = RawTwinOf(ShortRun(EngineKind::uv, Carrier::tcp, 1, 1), EngineKind::uv);
  polling.poll = absl::Microseconds(1);
  EXPECT_EQ(Measure(polling).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Measure, TellsWhyItFailedAcrossTheProcesses) {
  Options unknown = RawTwinOf(ShortRun(EngineKind::epoll, Carrier::tcp, 1, 1), EngineKind::epoll);
  unknown.congestion = "no-such-control";
  const absl::Status ended = Measure(unknown).status();
  EXPECT_EQ(ended.code(), absl::StatusCode::kUnavailable) << ended;  // the server's own words go to standard error
}

TEST(Measure, WorksWithPollingToo) {
  Options polling = ShortRun(EngineKind::rain, Carrier::tcp, 1, 110);
  polling.poll = absl::Milliseconds(1);
  for (const Options& options : {polling, RawTwinOf(polling, EngineKind::epoll_poll)}) {
    const absl::StatusOr<Figures> figures = Measure(options);
    ASSERT_TRUE(figures.ok()) << figures.status();
    EXPECT_GT(figures->calls, 0u);
  }
}

}  // namespace
}  // namespace rain::bench
