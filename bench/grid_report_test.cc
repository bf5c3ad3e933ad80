#include "listenrain/bench/grid_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace rain::bench {
namespace {

// Runs with these speeds, in order.
std::vector<Result> RunsOf(const GridRow& load, const Contender& contender, const std::vector<double>& speeds) {
  std::vector<Result> runs;
  for (const double speed : speeds) {
    Result run;
    run.options.workload = load.workload;
    run.options.engine = contender.engine;
    run.options.mode = contender.mode;
    run.options.parallel = load.parallel;
    run.options.payload_bytes = load.payload_bytes;
    run.options.poll = kDefaultPoll;
    run.options.same_loop = load.same_loop && contender.engine == EngineKind::rain;
    run.figures.calls_per_second = speed;
    run.figures.p50_us = 1e6 / speed;
    run.figures.p99_us = 2e6 / speed;
    run.figures.connections = {
        .open_seconds = 0.25, .client_opened_kib = 1, .server_opened_kib = 0.5, .client_idle_kib = 2, .server_idle_kib = 1.5};
    runs.push_back(run);
  }
  return runs;
}

GridResult ResultOf(const GridRow& load) {
  GridResult result{"some", {{EngineKind::rain, Mode::coroutine}, {EngineKind::epoll_poll, Mode::callback}}, {}};
  // The machine grew slower on the way: the ratios of the pairs are 0.9, 0.5 and 0.8.
  result.rows.push_back({load,
                         {RunsOf(load, result.contenders[0], {900'000, 50'000, 8'000}),
                          RunsOf(load, result.contenders[1], {1'000'000, 100'000, 10'000})}});
  return result;
}

TEST(GridReport, IsATableOfMediansWithLeastAndMost) {
  EXPECT_EQ(
      ToMarkdown(ResultOf({Workload::echo, 16, 4096})),
      "Grid some over tcp, 3 repeats of 3 s each. Polling: rain:coroutine 50 µs, epoll_poll 50 µs.\n\n"
      "| parallel × payload | engine | calls/s [least-most] | of epoll_poll's median | median of pairs | p50 µs | p99 µs |\n"
      "|---|---|---:|---:|---:|---:|---:|\n"
      "| 16 × 4 KiB | rain:coroutine | 50.0 k [8.00 k-900 k] | 0.50 | 0.80 | 20.0 | 40.0 |\n"
      "| 16 × 4 KiB | epoll_poll | 100 k [10.0 k-1.00 M] | 1.00 | 1.00 | 10.0 | 20.0 |\n");
}

TEST(GridReport, HasNoLatencyOfMessagesThatGoOneWay) {
  EXPECT_EQ(ToMarkdown(ResultOf({Workload::oneway, 1, 110})),
            "Grid some over tcp, 3 repeats of 3 s each. Polling: rain:coroutine 50 µs, epoll_poll 50 µs.\n\n"
            "| payload | engine | messages/s [least-most] | of epoll_poll's median | median of pairs |\n"
            "|---|---|---:|---:|---:|\n"
            "| 110 B | rain:coroutine | 50.0 k [8.00 k-900 k] | 0.50 | 0.80 |\n"
            "| 110 B | epoll_poll | 100 k [10.0 k-1.00 M] | 1.00 | 1.00 |\n");
}

TEST(GridReport, TellsWhatConnectionsCost) {
  const std::string table = ToMarkdown(ResultOf({Workload::connections, 8192, 1 << 20}));
  EXPECT_NE(table.find("| p99 µs | s to open | KiB each, opened: client | server | idle after calls: client | server |\n"
                       "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("| 8192 × 1 MiB | epoll_poll | 100 k [10.0 k-1.00 M] | 1.00 | 1.00 | 10.0 | 20.0 | 0.25 | 1.00 | 0.50 | "
                       "2.00 | 1.50 |\n"),
            std::string::npos)
      << table;
}

TEST(GridReport, TellsWhatASharedPayloadCostsBesideTheFirstOne) {
  const std::vector<Contender> contenders = {{EngineKind::rain, Mode::callback}, {EngineKind::ring, Mode::callback}};
  GridResult result{"some", contenders, {}};
  const auto add = [&](const GridRow& load, double rain, double ring) {
    result.rows.push_back({load, {RunsOf(load, contenders[0], {rain}), RunsOf(load, contenders[1], {ring})}});
  };
  add({Workload::echo, 1, 110}, 1000, 1000);
  add({.parallel = 1, .payload_bytes = 64, .shared_payload = true}, 1000, 4000);
  add({.parallel = 1, .payload_bytes = 4 << 20, .shared_payload = true}, 800, 4000);
  add({.parallel = 1, .payload_bytes = 64, .same_loop = true, .shared_payload = true}, 3000, 4000);
  add({.parallel = 1, .payload_bytes = 4 << 20, .same_loop = true, .shared_payload = true}, 2000, 4000);
  const std::string table = ToMarkdown(result);
  for (const char* line :
       {"| p50 µs | p99 µs | cost, of 64 B's |\n|---|---|---:|---:|---:|---:|---:|---:|\n",
        "| 1 × 110 B | rain | 1.00 k [1.00 k-1.00 k] | 1.00 | 1.00 | 1000.0 | 2000.0 | |\n",
        "| 1 × 64 B, shared | rain | 1.00 k [1.00 k-1.00 k] | 0.25 | 0.25 | 1000.0 | 2000.0 | 1.00 |\n",
        "| 1 × 4 MiB, shared | rain | 800 [800-800] | 0.20 | 0.20 | 1250.0 | 2500.0 | 1.25 |\n",
        "| 1 × 4 MiB, shared | ring | 4.00 k [4.00 k-4.00 k] | 1.00 | 1.00 | 250.0 | 500.0 | 1.00 |\n",
        "| 1 × 4 MiB, shared | rain, one loop | 2.00 k [2.00 k-2.00 k] | 0.50 | 0.50 | 500.0 | 1000.0 | 1.50 |\n"}) {
    EXPECT_NE(table.find(line), std::string::npos) << line << "is not in\n" << table;
  }
  const auto rows = nlohmann::json::parse(ToJson(result))["rows"];
  EXPECT_FALSE(rows[0]["contenders"][0].contains("cost_ratio"));
  EXPECT_EQ(rows[2]["contenders"][0]["cost_ratio"], 1.25);
  EXPECT_EQ(rows[4]["contenders"][0]["cost_ratio"], 1.5);
}

TEST(GridReport, IsOneJsonObjectWithEveryRun) {
  for (const Workload workload : {Workload::echo, Workload::oneway, Workload::connections}) {
    const auto json = nlohmann::json::parse(ToJson(ResultOf({workload, 16, 4096})));
    EXPECT_EQ(json["grid"], "some");
    EXPECT_EQ(json["yardstick"], "epoll_poll");
    ASSERT_EQ(json["rows"].size(), 1u);
    const auto& row = json["rows"][0];
    EXPECT_EQ(row["workload"], std::string(NameOf(workload)));
    EXPECT_EQ(row["parallel"], 16);
    EXPECT_EQ(row["payload"], 4096);
    ASSERT_EQ(row["contenders"].size(), 2u);
    const auto& rain = row["contenders"][0];
    EXPECT_EQ(rain["contender"], "rain:coroutine");
    EXPECT_EQ(rain["median"], 50'000);
    EXPECT_EQ(rain["least"], 8'000);
    EXPECT_EQ(rain["most"], 900'000);
    EXPECT_EQ(rain["ratio_of_medians"], 0.5);
    EXPECT_EQ(rain["median_of_ratios"], 0.8);
    ASSERT_EQ(rain["runs"].size(), 3u);
    EXPECT_EQ(rain["runs"][1]["calls_per_second"], 50'000);
    EXPECT_EQ(rain["runs"][1]["poll_us"], 50);
    EXPECT_EQ(rain["runs"][1]["p50_us"].is_null(), workload == Workload::oneway);
    EXPECT_EQ(rain["runs"][1].contains("open_seconds"), workload == Workload::connections);
  }
}

}  // namespace
}  // namespace rain::bench
