#include "listenrain/bench/options.h"

#include <gtest/gtest.h>

#include <functional>

namespace rain::bench {
namespace {

TEST(Options, NameEveryChoiceAndFindItByItsName) {
  for (const EngineKind engine : {EngineKind::rain, EngineKind::epoll, EngineKind::epoll_poll, EngineKind::uv}) {
    EXPECT_EQ(EngineNamed(NameOf(engine)).value(), engine);
  }
  for (const Workload workload : {Workload::echo, Workload::oneway, Workload::connections}) {
    EXPECT_EQ(WorkloadNamed(NameOf(workload)).value(), workload);
  }
  EXPECT_EQ(EngineNamed("epol").status(),
            absl::InvalidArgumentError("--engine=epol: must be one of rain, epoll, epoll_poll, uv"));
  EXPECT_EQ(WorkloadNamed("").status(), absl::InvalidArgumentError("--workload=: must be one of echo, oneway, connections"));
}

TEST(Options, AreRefusedWhenTheyDoNotGoTogether) {
  const struct {
    const char* what;
    EngineKind engine;
    std::function<void(Options&)> change;
  } cases[] = {
      {"no call", EngineKind::rain, [](Options& o) { o.parallel = 0; }},
      {"too many calls", EngineKind::rain, [](Options& o) { o.parallel = kMaxParallel + 1; }},
      {"too many threads", EngineKind::rain, [](Options& o) { o.mode = Mode::sync, o.parallel = kMaxThreads + 1; }},
      {"too much a call", EngineKind::rain, [](Options& o) { o.payload_bytes = kMaxPayloadBytes + 1; }},
      {"no time", EngineKind::rain, [](Options& o) { o.measured = absl::ZeroDuration(); }},
      {"polling for less than nothing", EngineKind::rain, [](Options& o) { o.poll = -absl::Microseconds(1); }},
      {"congestion on a Unix socket", EngineKind::rain, [](Options& o) { o.carrier = Carrier::local, o.congestion = "cubic"; }},
      {"a coroutine that awaits nothing", EngineKind::rain,
       [](Options& o) { o.workload = Workload::oneway, o.mode = Mode::coroutine; }},
      {"the yardsticks' codec", EngineKind::rain, [](Options& o) { o.codec = Codec::raw; }},
      {"a yardstick in process", EngineKind::epoll, [](Options& o) { o.carrier = Carrier::inproc; }},
      {"a yardstick's threads", EngineKind::epoll, [](Options& o) { o.mode = Mode::sync; }},
      {"a yardstick's codec", EngineKind::epoll_poll, [](Options& o) { o.codec = Codec::capnp; }},
      {"a yardstick's pool", EngineKind::uv, [](Options& o) { o.execution = Execution::pool; }},
      {"many connections on libuv", EngineKind::uv, [](Options& o) { o.workload = Workload::connections; }},
      {"an epoll that polls by another name", EngineKind::epoll, [](Options& o) { o.poll = kDefaultPoll; }},
      {"a libuv that polls", EngineKind::uv, [](Options& o) { o.poll = kDefaultPoll; }},
  };
  for (const auto& each : cases) {
    Options options;
    if (each.engine != EngineKind::rain) options = RawTwinOf(options, each.engine);
    EXPECT_TRUE(Check(options).ok()) << each.what;
    each.change(options);
    EXPECT_EQ(Check(options).code(), absl::StatusCode::kInvalidArgument) << each.what;
  }
}

TEST(Options, GiveAYardstickThePollingTimeOnlyIfItPolls) {
  Options options;
  options.poll = kDefaultPoll;
  options.mode = Mode::coroutine;
  EXPECT_EQ(RawTwinOf(options, EngineKind::epoll_poll).poll, kDefaultPoll);
  EXPECT_EQ(RawTwinOf(options, EngineKind::epoll).poll, absl::ZeroDuration());
  EXPECT_EQ(RawTwinOf(options, EngineKind::uv).poll, absl::ZeroDuration());
  for (const EngineKind engine : {EngineKind::epoll, EngineKind::epoll_poll, EngineKind::uv}) {
    EXPECT_TRUE(Check(RawTwinOf(options, engine)).ok()) << NameOf(engine);
  }
}

TEST(Options, HaveAsManyConnectionsAsTheWorkloadSays) {
  Options options;
  options.parallel = 7;
  EXPECT_EQ(ConnectionsOf(options), 1u);
  options.workload = Workload::oneway;
  EXPECT_EQ(ConnectionsOf(options), 1u);
  options.workload = Workload::connections;
  EXPECT_EQ(ConnectionsOf(options), 7u);
}

TEST(DefaultCongestion, IsCubicForLargePayloadsOfTcpAlone) {
  EXPECT_EQ(DefaultCongestion(Carrier::tcp, 32 << 10).value(), "cubic");
  EXPECT_EQ(DefaultCongestion(Carrier::local, 32 << 10).value(), "");
  EXPECT_EQ(DefaultCongestion(Carrier::inproc, 110).value(), "");
  EXPECT_NE(DefaultCongestion(Carrier::tcp, 110).value(), "");
}

}  // namespace
}  // namespace rain::bench
