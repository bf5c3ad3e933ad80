#include "listenrain/bench/grid_report.h"

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "listenrain/bench/summary.h"

namespace rain::bench {
namespace {

// "4 MiB", or bytes where the number is not round.
std::string SizeText(size_t bytes) {
  if (bytes >= 1 << 20 && bytes % (1 << 20) == 0) return absl::StrCat(bytes >> 20, " MiB");
  if (bytes >= 1 << 10 && bytes % (1 << 10) == 0) return absl::StrCat(bytes >> 10, " KiB");
  return absl::StrCat(bytes, " B");
}

// Three digits and more count: 1.26 k, 105 k, 46.6 M.
std::string SpeedText(double per_second) {
  const auto digits = [](double value) { return absl::StrFormat("%.*f", value < 10 ? 2 : value < 100 ? 1 : 0, value); };
  if (per_second >= 1e6) return digits(per_second / 1e6) + " M";
  if (per_second >= 1e3) return digits(per_second / 1e3) + " k";
  return digits(per_second);
}

using Value = absl::FunctionRef<double(const Figures&)>;

Summary SummaryOf(const std::vector<Result>& runs, Value value) {
  std::vector<double> values;
  for (const Result& run : runs) values.push_back(value(run.figures));
  return Summary::Of(std::move(values));
}

double Speed(const Figures& figures) { return figures.calls_per_second; }

struct Ratios {
  double of_medians = 0, of_pairs = 0;
};

Ratios RatiosOf(const std::vector<Result>& runs, const std::vector<Result>& yardstick) {
  const Comparison pairs{runs, yardstick};
  return {SummaryOf(runs, Speed).median / SummaryOf(yardstick, Speed).median, Summary::Of(pairs.Ratios()).median};
}

std::string LoadText(const GridRow& load) {
  if (load.workload == Workload::oneway) return SizeText(load.payload_bytes);
  const std::string clients = load.clients > 1 ? absl::StrCat(load.clients, " clients, ") : "";
  return absl::StrCat(clients, load.parallel, " × ", SizeText(load.payload_bytes), load.shared_payload ? ", shared" : "");
}

// The first row that shares a payload, of those that are like `load` otherwise. Null if `load` shares none.
const GridResult::Row* CostBaseOf(const GridResult& result, const GridRow& load) {
  for (const GridResult::Row& row : result.rows) {
    const bool alike = row.load.parallel == load.parallel && row.load.same_loop == load.same_loop;
    if (load.shared_payload && row.load.shared_payload && alike) return &row;
  }
  return nullptr;
}

// Of rows of which CostBaseOf finds a base.
double CostRatio(const GridResult& result, const GridResult::Row& row, size_t contender) {
  const GridResult::Row& base = *CostBaseOf(result, row.load);
  return SummaryOf(base.runs[contender], Speed).median / SummaryOf(row.runs[contender], Speed).median;
}

// Null if no row shares a payload.
const GridResult::Row* FirstThatShares(const GridResult& result) {
  for (const GridResult::Row& row : result.rows) {
    if (row.load.shared_payload) return &row;
  }
  return nullptr;
}

std::string Line(const GridResult& result, const GridResult::Row& row, size_t contender) {
  const std::vector<Result>& runs = row.runs[contender];
  const Summary speed = SummaryOf(runs, Speed);
  const Ratios ratios = RatiosOf(runs, row.runs.back());
  std::string line =
      absl::StrFormat("| %s | %s | %s [%s-%s] | %.2f | %.2f |", LoadText(row.load), RunnerText(runs.front().options),
                      SpeedText(speed.median), SpeedText(speed.least), SpeedText(speed.most), ratios.of_medians, ratios.of_pairs);
  const auto append = [&](int decimals, Value value) {
    absl::StrAppendFormat(&line, " %.*f |", decimals, SummaryOf(runs, value).median);
  };
  if (row.load.workload != Workload::oneway) {
    append(1, [](const Figures& figures) { return figures.p50_us; });
    append(1, [](const Figures& figures) { return figures.p99_us; });
  }
  if (row.load.shared_payload) {
    absl::StrAppendFormat(&line, " %.2f |", CostRatio(result, row, contender));
  } else if (FirstThatShares(result) != nullptr) {
    line += " |";
  }
  if (row.load.workload == Workload::connections) {
    append(2, [](const Figures& figures) { return figures.connections.open_seconds; });
    append(2, [](const Figures& figures) { return figures.connections.client_opened_kib; });
    append(2, [](const Figures& figures) { return figures.connections.server_opened_kib; });
    append(2, [](const Figures& figures) { return figures.connections.client_idle_kib; });
    append(2, [](const Figures& figures) { return figures.connections.server_idle_kib; });
  }
  return line + "\n";
}

std::string Head(const GridResult& result) {
  const Workload workload = result.rows.front().load.workload;
  std::vector<std::string> columns = {workload == Workload::oneway ? "payload" : "parallel × payload", "engine",
                                      workload == Workload::oneway ? "messages/s [least-most]" : "calls/s [least-most]",
                                      absl::StrCat("of ", NameOf(result.contenders.back()), "'s median"), "median of pairs"};
  if (workload != Workload::oneway) columns.insert(columns.end(), {"p50 µs", "p99 µs"});
  if (const GridResult::Row* first = FirstThatShares(result); first != nullptr) {
    columns.push_back(absl::StrCat("cost, of ", SizeText(first->load.payload_bytes), "'s"));
  }
  if (workload == Workload::connections) {
    columns.insert(columns.end(), {"s to open", "KiB each, opened: client", "server", "idle after calls: client", "server"});
  }
  std::string rule = "|---|---|";
  for (size_t i = 2; i < columns.size(); ++i) rule += "---:|";
  return absl::StrCat("| ", absl::StrJoin(columns, " | "), " |\n", rule, "\n");
}

std::string ConditionsText(const GridResult& result) {
  const std::vector<std::vector<Result>>& runs = result.rows.front().runs;
  std::vector<std::string> polling;
  for (size_t i = 0; i < runs.size(); ++i) {
    polling.push_back(
        absl::StrCat(NameOf(result.contenders[i]), " ", absl::ToInt64Microseconds(runs[i].front().options.poll), " µs"));
  }
  const Options& options = runs.front().front().options;
  return absl::StrFormat("Grid %s over %s, %d repeats of %g s each. Polling: %s.\n\n", result.name, NameOf(options.carrier),
                         runs.front().size(), absl::ToDoubleSeconds(options.measured), absl::StrJoin(polling, ", "));
}

template <class Each>
std::string JsonList(size_t count, Each each) {
  std::vector<std::string> items;
  for (size_t i = 0; i < count; ++i) items.push_back(each(i));
  return absl::StrCat("[", absl::StrJoin(items, ","), "]");
}

std::string RowJson(const GridResult& result, const GridResult::Row& row) {
  const auto contender = [&](size_t i) {
    const Summary speed = SummaryOf(row.runs[i], Speed);
    const Ratios ratios = RatiosOf(row.runs[i], row.runs.back());
    return absl::StrCat(absl::StrFormat(R"({"contender":"%s","median":%.1f,"least":%.1f,"most":%.1f,"ratio_of_medians":%.4f,)",
                                        NameOf(result.contenders[i]), speed.median, speed.least, speed.most, ratios.of_medians),
                        absl::StrFormat(R"("median_of_ratios":%.4f,)", ratios.of_pairs),
                        row.load.shared_payload ? absl::StrFormat(R"("cost_ratio":%.4f,)", CostRatio(result, row, i)) : "",
                        R"("runs":)", JsonList(row.runs[i].size(), [&](size_t run) { return ToJson(row.runs[i][run]); }), "}");
  };
  return absl::StrCat(absl::StrFormat(R"({"workload":"%s","clients":%d,"parallel":%d,"payload":%d,"contenders":)",
                                      NameOf(row.load.workload), row.load.clients, row.load.parallel, row.load.payload_bytes),
                      JsonList(row.runs.size(), contender), "}");
}

}  // namespace

std::string ToMarkdown(const GridResult& result) {
  std::string table = absl::StrCat(ConditionsText(result), Head(result));
  for (const GridResult::Row& row : result.rows) {
    for (size_t i = 0; i < row.runs.size(); ++i) table += Line(result, row, i);
  }
  return table;
}

std::string ToJson(const GridResult& result) {
  return absl::StrCat(absl::StrFormat(R"({"grid":"%s","yardstick":"%s","rows":)", result.name, NameOf(result.contenders.back())),
                      JsonList(result.rows.size(), [&](size_t i) { return RowJson(result, result.rows[i]); }), "}");
}

}  // namespace rain::bench
