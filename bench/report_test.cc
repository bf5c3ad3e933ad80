#include "listenrain/bench/report.h"

#include <gtest/gtest.h>

namespace rain::bench {
namespace {

Result ResultOf(EngineKind engine, double calls_per_second) {
  Result result;
  result.options.engine = engine;
  result.figures.calls_per_second = calls_per_second;
  return result;
}

TEST(Report, TellsARunAsOneJsonObject) {
  Result result;
  result.options.congestion = "cubic";
  result.options.poll = absl::Microseconds(50);
  result.figures = {.calls = 1000,
                    .seconds = 2,
                    .calls_per_second = 500,
                    .p50_us = 1.25,
                    .p99_us = 2.5,
                    .p999_us = 3.75,
                    .client_cpu_us_per_call = 0.5,
                    .server_cpu_us_per_call = 0.25,
                    .client_rss_mib = 4,
                    .server_rss_mib = 2.5};
  EXPECT_EQ(
      ToJson(result),
      R"({"engine":"rain","workload":"echo","transport":"tcp","mode":"callback","codec":"compact","executor":"inline","poll_us":50,)"
      R"("congestion":"cubic","parallel":64,"payload":110,"seconds":2.000,"calls":1000,"calls_per_second":500.0,)"
      R"("p50_us":1.25,"p99_us":2.50,"p999_us":3.75,"client_cpu_us_per_call":0.5000,"server_cpu_us_per_call":0.2500,)"
      R"("client_rss_mib":4.0,"server_rss_mib":2.5})");
}

TEST(Report, HasNoServersFiguresWhenThereIsOneProcess) {
  Result result;
  result.options.carrier = Carrier::inproc;
  const std::string json = ToJson(result);
  EXPECT_NE(json.find(R"("server_cpu_us_per_call":null)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("server_rss_mib":null)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("congestion":"none")"), std::string::npos) << json;
}

TEST(Report, TellsMessagesThatGoOneWayApartFromCalls) {
  Result result;
  result.options.workload = Workload::oneway;
  result.figures.calls_per_second = 1000;
  const std::string json = ToJson(result);
  EXPECT_NE(json.find(R"("workload":"oneway")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("p50_us":null,"p99_us":null,"p999_us":null)"), std::string::npos) << json;
  const std::string text = ToText(result);
  EXPECT_NE(text.find("rain, one way, 110 bytes over tcp"), std::string::npos) << text;
  EXPECT_NE(text.find("1000 messages/s"), std::string::npos) << text;
  EXPECT_EQ(text.find("latency"), std::string::npos) << text;
}

TEST(Report, TellsTheOptionsThatMostRunsDoNotHave) {
  Result result;
  result.options.carrier = Carrier::inproc;
  result.options.same_loop = result.options.shared_payload = true;
  result.options.window_mib = 64;
  const std::string json = ToJson(result);
  EXPECT_NE(json.find(R"("same_loop":true,"shared_payload":true,"window_mib":64,"parallel":64,)"), std::string::npos) << json;
  const std::string text = ToText(result);
  EXPECT_NE(text.find("110 bytes over inproc, on one loop, one payload for all, a window of 64 MiB: mode"), std::string::npos)
      << text;
}

TEST(Report, TellsWhatConnectionsCost) {
  Result result;
  result.options.workload = Workload::connections;
  result.figures.connections = {
      .open_seconds = 0.5, .client_opened_kib = 1.25, .server_opened_kib = 2.5, .client_idle_kib = 3.75, .server_idle_kib = 5};
  const std::string json = ToJson(result);
  EXPECT_NE(json.find(R"("open_seconds":0.5000,"client_opened_kib":1.250,"server_opened_kib":2.500,)"
                      R"("client_idle_kib":3.750,"server_idle_kib":5.000,)"),
            std::string::npos)
      << json;
  const std::string text = ToText(result);
  EXPECT_NE(text.find("64 connections x 110 bytes over tcp"), std::string::npos) << text;
  EXPECT_NE(text.find("opened within 0.500 s"), std::string::npos) << text;
  EXPECT_NE(text.find("once open, client 1.25 KiB, server 2.50 KiB; idle after the calls, client 3.75 KiB, server 5.00 KiB"),
            std::string::npos)
      << text;
}

TEST(Report, TellsThePollingTimeOfBothSidesOfAComparison) {
  Comparison comparison{{ResultOf(EngineKind::rain, 900)}, {ResultOf(EngineKind::epoll_poll, 1000)}};
  comparison.subject[0].options.poll = comparison.yardstick[0].options.poll = absl::Microseconds(50);
  const std::string text = ToText(comparison);
  EXPECT_NE(text.find("rain (polling 50 us) against epoll_poll (polling 50 us)"), std::string::npos) << text;
}

TEST(Comparison, JudgesPairByPairAndTakesTheMedian) {
  Comparison comparison;
  // The machine grew ten times slower on the way: only the ratios stay comparable.
  for (const double speed : {1000.0, 100.0, 10.0}) comparison.yardstick.push_back(ResultOf(EngineKind::epoll, speed));
  for (const double speed : {900.0, 50.0, 8.0}) comparison.subject.push_back(ResultOf(EngineKind::rain, speed));
  EXPECT_EQ(comparison.Ratios(), (std::vector<double>{0.9, 0.5, 0.8}));
  EXPECT_DOUBLE_EQ(comparison.MedianRatio(), 0.8);
  comparison.yardstick.push_back(ResultOf(EngineKind::epoll, 100));
  comparison.subject.push_back(ResultOf(EngineKind::rain, 60));
  EXPECT_DOUBLE_EQ(comparison.MedianRatio(), 0.7);
}

}  // namespace
}  // namespace rain::bench
