#include "listenrain/bench/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace rain::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Options Base() {
  Options base;
  base.poll = kDefaultPoll;
  return base;
}

std::vector<Contender> Contenders(absl::string_view names) {
  absl::StatusOr<std::vector<Contender>> contenders = ContendersNamed(names);
  EXPECT_TRUE(contenders.ok()) << contenders.status();
  return *std::move(contenders);
}

absl::StatusOr<Result> AtOnce(const Options& options) { return Result{options, {}}; }
void Silently(size_t, size_t, const Result&) {}

TEST(Grid, HasLoadsThatEveryEngineCanRun) {
  const std::map<std::string, size_t> sizes = {{"small", 4},  {"listenrain", 11}, {"connections", 4}, {"oneway", 3},
                                               {"inproc", 6}, {"crowd", 4},       {"blocking", 4}};
  for (const auto& [name, size] : sizes) {
    const absl::StatusOr<std::vector<GridRow>> rows = GridNamed(name);
    ASSERT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ(rows->size(), size) << name;
    for (const GridRow& row : *rows) {
      for (const Contender& contender : Contenders(name == "inproc" ? "rain,rain:coroutine,ring" : "rain,epoll,epoll_poll")) {
        EXPECT_TRUE(Check(OptionsOf(Base(), row, contender)).ok()) << name << ", " << NameOf(contender);
      }
    }
  }
  EXPECT_THAT(GridNamed("smal").status().message(),
              HasSubstr("must be one of small, listenrain, connections, oneway, inproc, crowd, blocking"));
}

TEST(Grid, InProcessIsOnOneLoopOrTwoForTheFrameworkAlone) {
  const std::vector<Contender> contenders = Contenders(UsualContenders("inproc"));
  const std::vector<GridRow> rows = *GridNamed("inproc");
  std::vector<std::string> runners;
  for (const GridRow& row : rows) {
    for (const Contender& contender : contenders) {
      const Options options = OptionsOf(Base(), row, contender);
      EXPECT_EQ(options.carrier, Carrier::inproc);
      EXPECT_EQ(options.shared_payload, row.shared_payload);
      runners.push_back(RunnerText(options));
    }
  }
  EXPECT_THAT(runners, ElementsAre("rain, one loop", "ring", "rain", "ring", "rain", "ring", "rain", "ring", "rain, one loop",
                                   "ring", "rain, one loop", "ring"));
}

TEST(Grid, ACrowdAndBlockingThreadsRunBesideThemselvesWithoutWhatIsMeasured) {
  for (const char* name : {"crowd", "blocking"}) {
    const std::vector<Contender> contenders = Contenders(UsualContenders(name));
    ASSERT_EQ(contenders.size(), 2u);
    const std::vector<GridRow> rows = *GridNamed(name);
    for (const GridRow& row : rows) {
      const Options with = OptionsOf(Base(), row, contenders.front());
      const Options without = OptionsOf(Base(), row, contenders.back());
      EXPECT_TRUE(Check(with).ok() && Check(without).ok());
      EXPECT_EQ(with.clients, row.clients);
      EXPECT_EQ(with.poll, kDefaultPoll);
      EXPECT_EQ(without.poll, row.clients > 1 ? absl::ZeroDuration() : kDefaultPoll);
      EXPECT_TRUE(with.drive);
      EXPECT_EQ(without.drive, row.clients > 1);
      EXPECT_EQ(RunnerText(with), NameOf(contenders.front()));
      EXPECT_EQ(RunnerText(without), NameOf(contenders.back()));
    }
  }
}

TEST(Contenders, AreEnginesWithAModeOrCallbacks) {
  const std::vector<Contender> contenders = Contenders("rain,rain:coroutine,rain:sync:nodrive,rain:nopoll,epoll_poll");
  std::vector<std::string> names;
  for (const Contender& contender : contenders) names.push_back(NameOf(contender));
  EXPECT_THAT(names, ElementsAre("rain", "rain:coroutine", "rain:sync:nodrive", "rain:nopoll", "epoll_poll"));
  for (const char* wrong : {"", "rain,", "rain:callbacks", "rain:", "epoll:nopoll", "reign"}) {
    EXPECT_EQ(ContendersNamed(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

TEST(RunGrid, BeginsEachRepeatWithTheNextContender) {
  std::vector<std::string> order;
  const auto run = [&](const Options& options) -> absl::StatusOr<Result> {
    if (options.parallel == 1) order.push_back(NameOf(Contender{options.engine, options.mode}));
    return Result{options, {}};
  };
  ASSERT_TRUE(RunGrid("small", Base(), Contenders("rain,rain:sync,epoll_poll"), 3, run, Silently).ok());
  EXPECT_THAT(order, ElementsAre("rain", "rain:sync", "epoll_poll", "rain:sync", "epoll_poll", "rain", "epoll_poll", "rain",
                                 "rain:sync"));
}

TEST(RunGrid, KeepsEveryRunWithItsLoadAndContender) {
  std::vector<size_t> counts;
  const auto done = [&](size_t count, size_t of, const Result&) {
    counts.push_back(count);
    EXPECT_EQ(of, 16u);
  };
  const absl::StatusOr<GridResult> result = RunGrid("small", Base(), Contenders("rain:coroutine,epoll_poll"), 2, AtOnce, done);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(counts.size(), 16u);
  EXPECT_EQ(counts.back(), 16u);
  ASSERT_EQ(result->rows.size(), 4u);
  for (const GridResult::Row& row : result->rows) {
    ASSERT_EQ(row.runs.size(), 2u);
    for (size_t contender = 0; contender < 2; ++contender) {
      ASSERT_EQ(row.runs[contender].size(), 2u);
      for (const Result& run : row.runs[contender]) {
        EXPECT_EQ(run.options.engine, contender == 0 ? EngineKind::rain : EngineKind::epoll_poll);
        EXPECT_EQ(run.options.mode, contender == 0 ? Mode::coroutine : Mode::callback);
        EXPECT_EQ(run.options.poll, kDefaultPoll);
        EXPECT_EQ(run.options.parallel, row.load.parallel);
        EXPECT_EQ(run.options.payload_bytes, row.load.payload_bytes);
      }
    }
  }
}

TEST(RunGrid, RefusesBeforeItRunsAnything) {
  const auto run = [](const Options& options) -> absl::StatusOr<Result> {
    ADD_FAILURE() << "it ran";
    return Result{options, {}};
  };
  const auto refused = [&](const char* grid, const char* contenders, size_t repeats) {
    return RunGrid(grid, Base(), Contenders(contenders), repeats, run, Silently).status();
  };
  EXPECT_EQ(refused("small", "rain,epoll", 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(refused("oneway", "rain:coroutine,epoll", 1).message(), HasSubstr("rain:coroutine on oneway, 1 x 110"));
  EXPECT_THAT(refused("connections", "rain,uv", 1).message(), HasSubstr("uv on connections"));
}

TEST(RunGrid, EndsWithTheRunThatFails) {
  size_t runs = 0;
  const auto run = [&](const Options& options) -> absl::StatusOr<Result> {
    if (++runs == 3) return absl::DataLossError("third");
    return Result{options, {}};
  };
  EXPECT_EQ(RunGrid("small", Base(), Contenders("rain,epoll"), 5, run, Silently).status(), absl::DataLossError("third"));
  EXPECT_EQ(runs, 3u);
}

}  // namespace
}  // namespace rain::bench
