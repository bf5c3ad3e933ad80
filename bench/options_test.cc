#include "listenrain/bench/options.h"

#include <gtest/gtest.h>

#include <functional>

namespace rain::bench {
namespace {

TEST(Options, NameEveryChoiceAndFindItByItsName) {
  for (const EngineKind engine :
       {EngineKind::rain, EngineKind::epoll, EngineKind::epoll_poll, EngineKind::uv, EngineKind::ring}) {
    EXPECT_EQ(EngineNamed(NameOf(engine)).value(), engine);
  }
  for (const Workload workload : {Workload::echo, Workload::oneway, Workload::connections}) {
    EXPECT_EQ(WorkloadNamed(NameOf(workload)).value(), workload);
  }
  EXPECT_EQ(EngineNamed("epol").status(),
            absl::InvalidArgumentError("--engine=epol: must be one of rain, epoll, epoll_poll, uv, ring"));
  EXPECT_EQ(WorkloadNamed("").status(), absl::InvalidArgumentError("--workload=: must be one of echo, oneway, connections"));
}

TEST(Options, SayWhetherThreadsThatBlockMayDrive) {
  Options options;
  for (const Execution execution : {Execution::direct, Execution::pool}) {
    options.execution = execution;
    options.mode = Mode::callback;
    EXPECT_EQ(CallersExecution(options), execution);
    options.mode = Mode::sync;
    options.drive = true;
    EXPECT_EQ(CallersExecution(options), Execution::pool);
    options.drive = false;
    EXPECT_EQ(CallersExecution(options), Execution::direct);
  }
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
      {"no client", EngineKind::rain, [](Options& o) { o.clients = 0; }},
      {"too many clients", EngineKind::rain, [](Options& o) { o.clients = kMaxClients + 1; }},
      {"clients in one process", EngineKind::rain, [](Options& o) { o.carrier = Carrier::inproc, o.clients = 2; }},
      {"clients that get no reply", EngineKind::rain, [](Options& o) { o.workload = Workload::oneway, o.clients = 2; }},
      {"callbacks that drive no loop", EngineKind::rain, [](Options& o) { o.drive = false; }},
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
      {"a yardstick's window", EngineKind::epoll, [](Options& o) { o.window_mib = 1; }},
      {"a window smaller than a payload", EngineKind::rain,
       [](Options& o) { o.window_mib = 1, o.payload_bytes = (1 << 20) + 1; }},
      {"too large a window", EngineKind::rain, [](Options& o) { o.window_mib = kMaxWindowMib + 1; }},
      {"a window for messages that get no reply", EngineKind::rain,
       [](Options& o) { o.workload = Workload::oneway, o.window_mib = 1; }},
      {"a payload for all connections", EngineKind::rain,
       [](Options& o) { o.workload = Workload::connections, o.shared_payload = true; }},
      {"one loop of two processes", EngineKind::rain, [](Options& o) { o.same_loop = true; }},
  };
  for (const auto& each : cases) {
    Options options;
    if (each.engine != EngineKind::rain) options = RawTwinOf(options, each.engine);
    EXPECT_TRUE(Check(options).ok()) << each.what;
    each.change(options);
    EXPECT_EQ(Check(options).code(), absl::StatusCode::kInvalidArgument) << each.what;
  }
}

TEST(Options, AreRefusedThatARingOrOneLoopCannotHonour) {
  const struct {
    const char* what;
    EngineKind engine;
    std::function<void(Options&)> change;
  } cases[] = {
      {"a ring between processes", EngineKind::ring, [](Options& o) { o.carrier = Carrier::local; }},
      {"a ring's threads", EngineKind::ring, [](Options& o) { o.mode = Mode::sync; }},
      {"a ring's codec", EngineKind::ring, [](Options& o) { o.codec = Codec::compact; }},
      {"a ring's pool", EngineKind::ring, [](Options& o) { o.execution = Execution::pool; }},
      {"a ring one way", EngineKind::ring, [](Options& o) { o.workload = Workload::oneway; }},
      {"many rings", EngineKind::ring, [](Options& o) { o.workload = Workload::connections; }},
      {"too large a ring", EngineKind::ring, [](Options& o) { o.parallel = kMaxRingParallel + 1; }},
      {"a ring's loop", EngineKind::ring, [](Options& o) { o.same_loop = true; }},
      {"callers that block the one loop", EngineKind::rain, [](Options& o) { o.same_loop = true, o.mode = Mode::sync; }},
      {"a pool beside the one loop", EngineKind::rain, [](Options& o) { o.same_loop = true, o.execution = Execution::pool; }},
  };
  for (const auto& each : cases) {
    Options options;
    options.carrier = Carrier::inproc;
    options.poll = kDefaultPoll;
    if (each.engine != EngineKind::rain) options = RawTwinOf(options, each.engine);
    EXPECT_TRUE(Check(options).ok()) << each.what;
    each.change(options);
    EXPECT_EQ(Check(options).code(), absl::StatusCode::kInvalidArgument) << each.what;
  }
}

TEST(Options, GiveAYardstickNeitherTheLoopNorTheWindow) {
  Options options;
  options.carrier = Carrier::inproc;
  options.same_loop = options.shared_payload = true;
  options.window_mib = 1;
  EXPECT_TRUE(Check(options).ok());
  EXPECT_TRUE(Check(RawTwinOf(options, EngineKind::ring)).ok());
  EXPECT_TRUE(RawTwinOf(options, EngineKind::ring).shared_payload);
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
