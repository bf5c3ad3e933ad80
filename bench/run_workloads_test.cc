// Real runs, very short ones, of the workloads that are not echo.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/bench/run.h"
#include "listenrain/testing/scale.h"

namespace rain::bench {
namespace {

struct Run {
  EngineKind engine;
  Carrier carrier;
  Mode mode = Mode::callback;
  Execution execution = Execution::direct;
};

std::string RunName(const testing::TestParamInfo<Run>& run) {
  return absl::StrCat(NameOf(run.param.engine), "_", NameOf(run.param.carrier), "_", NameOf(run.param.mode), "_",
                      NameOf(run.param.execution));
}

class WorkloadTest : public testing::TestWithParam<Run> {
 protected:
  static Options ShortRun(Workload workload, size_t parallel, size_t payload_bytes) {
    Options options;
    options.carrier = GetParam().carrier;
    options.poll = kDefaultPoll;
    if (GetParam().engine != EngineKind::rain) options = RawTwinOf(options, GetParam().engine);
    options.mode = GetParam().mode;
    options.execution = GetParam().execution;
    options.workload = workload;
    options.parallel = parallel;
    options.payload_bytes = payload_bytes;
    options.warm_up = absl::Milliseconds(5);
    options.measured = absl::Milliseconds(Scaled(200, 1000, 1000));  // enough on a machine that is busy elsewhere
    options.rest = absl::Milliseconds(10);
    return options;
  }
};

using OneWayTest = WorkloadTest;

TEST_P(OneWayTest, LosesNothing) {
  for (const size_t payload_bytes : {size_t{110}, size_t{100'000}}) {
    const absl::StatusOr<Figures> figures = Measure(ShortRun(Workload::oneway, 4, payload_bytes));
    ASSERT_TRUE(figures.ok()) << figures.status();
    EXPECT_GT(figures->calls, 0u);
    EXPECT_GT(figures->seconds, 0);
    EXPECT_NEAR(figures->calls_per_second, static_cast<double>(figures->calls) / figures->seconds,
                1e-3 * figures->calls_per_second);
    EXPECT_EQ(figures->p50_us, 0);
    EXPECT_GT(figures->client_cpu_us_per_call, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, OneWayTest,
                         testing::Values(Run{EngineKind::epoll, Carrier::tcp}, Run{EngineKind::epoll, Carrier::local},
                                         Run{EngineKind::epoll_poll, Carrier::tcp}, Run{EngineKind::uv, Carrier::tcp},
                                         Run{EngineKind::uv, Carrier::local}, Run{EngineKind::rain, Carrier::tcp},
                                         Run{EngineKind::rain, Carrier::local}, Run{EngineKind::rain, Carrier::inproc},
                                         Run{EngineKind::rain, Carrier::tcp, Mode::sync},
                                         Run{EngineKind::rain, Carrier::tcp, Mode::callback, Execution::pool}),
                         RunName);

using ConnectionsTest = WorkloadTest;

TEST_P(ConnectionsTest, AreAllOpenAndCostSomething) {
  const absl::StatusOr<Figures> figures = Measure(ShortRun(Workload::connections, 300, 1000));
  ASSERT_TRUE(figures.ok()) << figures.status();
  EXPECT_GT(figures->calls, 0u);
  EXPECT_GT(figures->p50_us, 0);
  EXPECT_GT(figures->connections.open_seconds, 0);
  // A yardstick's connections may fit into what this process had allocated before.
  if (GetParam().engine != EngineKind::rain) return;
  EXPECT_GT(figures->connections.client_opened_kib, 0);
  EXPECT_GT(figures->connections.client_idle_kib, 0);
  if (GetParam().carrier != Carrier::inproc) {
    EXPECT_GT(figures->connections.server_opened_kib, 0);
    EXPECT_GT(figures->connections.server_idle_kib, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, ConnectionsTest,
                         testing::Values(Run{EngineKind::epoll, Carrier::tcp}, Run{EngineKind::epoll, Carrier::local},
                                         Run{EngineKind::epoll_poll, Carrier::tcp}, Run{EngineKind::rain, Carrier::tcp},
                                         Run{EngineKind::rain, Carrier::local}, Run{EngineKind::rain, Carrier::inproc},
                                         Run{EngineKind::rain, Carrier::tcp, Mode::coroutine},
                                         Run{EngineKind::rain, Carrier::tcp, Mode::sync},
                                         Run{EngineKind::rain, Carrier::tcp, Mode::callback, Execution::pool}),
                         RunName);

TEST(ManyConnections, AreRefusedWhereThereAreTooFewDescriptors) {
  Options options;
  options.workload = Workload::connections;
  options.parallel = kMaxParallel;
  options.measured = absl::Milliseconds(1);
  const absl::Status refused = Measure(options).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
  EXPECT_NE(refused.message().find("1048576 connections need"), absl::string_view::npos) << refused;
}

}  // namespace
}  // namespace rain::bench
