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
  EXPECT_EQ(ToJson(result),
            R"({"engine":"rain","transport":"tcp","mode":"callback","codec":"compact","executor":"inline","poll_us":50,)"
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
