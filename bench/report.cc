#include "listenrain/bench/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace rain::bench {
namespace {

std::string CongestionOf(const Options& options) { return options.congestion.empty() ? "none" : options.congestion; }

// Of one process there are no two sides to tell apart.
std::string ServersOwn(const Result& result, double value, int decimals) {
  return result.options.carrier == Carrier::inproc ? "null" : absl::StrFormat("%.*f", decimals, value);
}

std::string Load(const Options& options) {
  return absl::StrFormat("%d in flight x %d bytes over %s", options.parallel, options.payload_bytes, NameOf(options.carrier));
}

template <class Each>
std::string Joined(const std::vector<Result>& results, absl::string_view separator, Each each) {
  return absl::StrJoin(results, separator, [&](std::string* out, const Result& result) { absl::StrAppend(out, each(result)); });
}

void AppendRatio(std::string* out, double ratio) { absl::StrAppendFormat(out, "%.3f", ratio); }

}  // namespace

std::string ToJson(const Result& result) {
  const Options& options = result.options;
  const Figures& figures = result.figures;
  return absl::StrCat(
      absl::StrFormat(
          R"({"engine":"%s","transport":"%s","mode":"%s","codec":"%s","executor":"%s","poll_us":%d,"congestion":"%s",)",
          NameOf(options.engine), NameOf(options.carrier), NameOf(options.mode), NameOf(options.codec), NameOf(options.execution),
          absl::ToInt64Microseconds(options.poll), CongestionOf(options)),
      absl::StrFormat(R"("parallel":%d,"payload":%d,"seconds":%.3f,"calls":%d,"calls_per_second":%.1f,)", options.parallel,
                      options.payload_bytes, figures.seconds, figures.calls, figures.calls_per_second),
      absl::StrFormat(R"("p50_us":%.2f,"p99_us":%.2f,"p999_us":%.2f,)", figures.p50_us, figures.p99_us, figures.p999_us),
      absl::StrFormat(R"("client_cpu_us_per_call":%.4f,"server_cpu_us_per_call":%s,)", figures.client_cpu_us_per_call,
                      ServersOwn(result, figures.server_cpu_us_per_call, 4)),
      absl::StrFormat(R"("client_rss_mib":%.1f,"server_rss_mib":%s})", figures.client_rss_mib,
                      ServersOwn(result, figures.server_rss_mib, 1)));
}

std::string ToText(const Result& result) {
  const Options& options = result.options;
  const Figures& figures = result.figures;
  return absl::StrCat(
      absl::StrFormat("%s, %s: mode %s, codec %s, executor %s, polling %d us, congestion control %s\n", NameOf(options.engine),
                      Load(options), NameOf(options.mode), NameOf(options.codec), NameOf(options.execution),
                      absl::ToInt64Microseconds(options.poll), CongestionOf(options)),
      absl::StrFormat("  %.0f calls/s (%d in %.3f s)\n", figures.calls_per_second, figures.calls, figures.seconds),
      absl::StrFormat("  latency: half within %.1f us, 99%% within %.1f us, 99.9%% within %.1f us\n", figures.p50_us,
                      figures.p99_us, figures.p999_us),
      absl::StrFormat("  processor time a call: client %.3f us, server %s us\n", figures.client_cpu_us_per_call,
                      ServersOwn(result, figures.server_cpu_us_per_call, 3)),
      absl::StrFormat("  most memory: client %.1f MiB, server %s MiB\n", figures.client_rss_mib,
                      ServersOwn(result, figures.server_rss_mib, 1)));
}

std::vector<double> Comparison::Ratios() const {
  std::vector<double> ratios;
  for (size_t i = 0; i < subject.size(); ++i) {
    ratios.push_back(subject[i].figures.calls_per_second / yardstick[i].figures.calls_per_second);
  }
  return ratios;
}

double Comparison::MedianRatio() const {
  std::vector<double> ratios = Ratios();
  std::sort(ratios.begin(), ratios.end());
  return (ratios[(ratios.size() - 1) / 2] + ratios[ratios.size() / 2]) / 2;
}

std::string ToJson(const Comparison& comparison) {
  const auto json = [](const Result& result) { return ToJson(result); };
  return absl::StrCat(
      absl::StrFormat(R"({"subject":"%s","yardstick":"%s","pairs":%d,"median_ratio":%.3f,"ratios":[)",
                      NameOf(comparison.subject[0].options.engine), NameOf(comparison.yardstick[0].options.engine),
                      comparison.subject.size(), comparison.MedianRatio()),
      absl::StrJoin(comparison.Ratios(), ",", AppendRatio), R"(],"subject_runs":[)", Joined(comparison.subject, ",", json),
      R"(],"yardstick_runs":[)", Joined(comparison.yardstick, ",", json), "]}");
}

std::string ToText(const Comparison& comparison) {
  const auto speed = [](const Result& result) { return absl::StrFormat("%.0f", result.figures.calls_per_second); };
  const Options& subject = comparison.subject[0].options;
  const Options& yardstick = comparison.yardstick[0].options;
  return absl::StrCat(
      absl::StrFormat("%s against %s, %s, congestion control %s\n", NameOf(subject.engine), NameOf(yardstick.engine),
                      Load(subject), CongestionOf(subject)),
      absl::StrFormat("  %-5s calls/s: %s\n", NameOf(subject.engine), Joined(comparison.subject, ", ", speed)),
      absl::StrFormat("  %-5s calls/s: %s\n", NameOf(yardstick.engine), Joined(comparison.yardstick, ", ", speed)),
      absl::StrFormat("  ratios: %s; median %.3f\n", absl::StrJoin(comparison.Ratios(), ", ", AppendRatio),
                      comparison.MedianRatio()));
}

std::string TableHead() {
  return absl::StrFormat("%-9s  %-8s  %12s  %10s  %10s  %10s\n", "transport", "mode", "calls/s", "p50 us", "p99 us", "p99.9 us");
}

std::string TableRow(const Result& result) {
  const Figures& figures = result.figures;
  return absl::StrFormat("%-9s  %-8s  %12.0f  %10.1f  %10.1f  %10.1f\n", NameOf(result.options.carrier),
                         NameOf(result.options.mode), figures.calls_per_second, figures.p50_us, figures.p99_us, figures.p999_us);
}

}  // namespace rain::bench
