#include "listenrain/bench/report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "listenrain/bench/summary.h"

namespace rain::bench {
namespace {

std::string CongestionOf(const Options& options) { return options.congestion.empty() ? "none" : options.congestion; }

// Of one process there are no two sides to tell apart.
std::string ServersOwn(const Result& result, double value, int decimals) {
  return result.options.carrier == Carrier::inproc ? "null" : absl::StrFormat("%.*f", decimals, value);
}

std::string Load(const Options& options) {
  const std::string clients = options.clients > 1 ? absl::StrCat(options.clients, " clients, each ") : "";
  const std::string amount = options.workload == Workload::echo     ? absl::StrCat(clients, options.parallel, " in flight x ")
                             : options.workload == Workload::oneway ? "one way, "
                                                                    : absl::StrCat(options.parallel, " connections x ");
  return absl::StrCat(amount, options.payload_bytes, " bytes over ", NameOf(options.carrier),
                      options.same_loop ? ", on one loop" : "", options.shared_payload ? ", one payload for all" : "",
                      options.window_mib > 0 ? absl::StrCat(", a window of ", options.window_mib, " MiB") : "");
}

// What most runs do not have.
std::string RareOptionsJson(const Options& options) {
  return absl::StrCat(options.clients > 1 ? absl::StrCat(R"("clients":)", options.clients, ",") : "",
                      options.drive ? "" : R"("drive":false,)", options.same_loop ? R"("same_loop":true,)" : "",
                      options.shared_payload ? R"("shared_payload":true,)" : "",
                      options.window_mib > 0 ? absl::StrCat(R"("window_mib":)", options.window_mib, ",") : "");
}

// Messages that go one way have no latency that anybody sees.
std::string LatencyOf(const Result& result, double microseconds) {
  return result.options.workload == Workload::oneway ? "null" : absl::StrFormat("%.2f", microseconds);
}

std::string LatencyText(const Result& result) {
  const Figures& figures = result.figures;
  if (result.options.workload == Workload::oneway) return "";
  return absl::StrFormat("  latency: half within %.1f us, 99%% within %.1f us, 99.9%% within %.1f us\n", figures.p50_us,
                         figures.p99_us, figures.p999_us);
}

std::string ConnectionsText(const Result& result) {
  const ConnectionFigures& figures = result.figures.connections;
  if (result.options.workload != Workload::connections) return "";
  return absl::StrCat(absl::StrFormat("  opened within %.3f s, a first call on each included\n", figures.open_seconds),
                      absl::StrFormat("  memory a connection: once open, client %.2f KiB, server %s KiB; ",
                                      figures.client_opened_kib, ServersOwn(result, figures.server_opened_kib, 2)),
                      absl::StrFormat("idle after the calls, client %.2f KiB, server %s KiB\n", figures.client_idle_kib,
                                      ServersOwn(result, figures.server_idle_kib, 2)));
}

std::string ConnectionsJson(const Result& result) {
  const ConnectionFigures& figures = result.figures.connections;
  if (result.options.workload != Workload::connections) return "";
  return absl::StrCat(
      absl::StrFormat(R"("open_seconds":%.4f,"client_opened_kib":%.3f,"server_opened_kib":%s,)", figures.open_seconds,
                      figures.client_opened_kib, ServersOwn(result, figures.server_opened_kib, 3)),
      absl::StrFormat(R"("client_idle_kib":%.3f,"server_idle_kib":%s,)", figures.client_idle_kib,
                      ServersOwn(result, figures.server_idle_kib, 3)));
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
          R"({"engine":"%s","workload":"%s","transport":"%s","mode":"%s","codec":"%s","executor":"%s","poll_us":%d,"congestion":"%s",)",
          NameOf(options.engine), NameOf(options.workload), NameOf(options.carrier), NameOf(options.mode), NameOf(options.codec),
          NameOf(options.execution), absl::ToInt64Microseconds(options.poll), CongestionOf(options)),
      RareOptionsJson(options),
      absl::StrFormat(R"("parallel":%d,"payload":%d,"seconds":%.3f,"calls":%d,"calls_per_second":%.1f,)", options.parallel,
                      options.payload_bytes, figures.seconds, figures.calls, figures.calls_per_second),
      absl::StrFormat(R"("p50_us":%s,"p99_us":%s,"p999_us":%s,)", LatencyOf(result, figures.p50_us),
                      LatencyOf(result, figures.p99_us), LatencyOf(result, figures.p999_us)),
      ConnectionsJson(result),
      absl::StrFormat(R"("client_cpu_us_per_call":%.4f,"server_cpu_us_per_call":%s,)", figures.client_cpu_us_per_call,
                      ServersOwn(result, figures.server_cpu_us_per_call, 4)),
      absl::StrFormat(R"("client_rss_mib":%.1f,"server_rss_mib":%s})", figures.client_rss_mib,
                      ServersOwn(result, figures.server_rss_mib, 1)));
}

std::string ToText(const Result& result) {
  const Options& options = result.options;
  const Figures& figures = result.figures;
  const absl::string_view one = options.workload == Workload::oneway ? "message" : "call";
  return absl::StrCat(
      absl::StrFormat("%s, %s: mode %s, codec %s, executor %s, polling %d us, congestion control %s\n", NameOf(options.engine),
                      Load(options), NameOf(options.mode), NameOf(options.codec), NameOf(options.execution),
                      absl::ToInt64Microseconds(options.poll), CongestionOf(options)),
      absl::StrFormat("  %.0f %ss/s (%d in %.3f s)\n", figures.calls_per_second, one, figures.calls, figures.seconds),
      LatencyText(result), ConnectionsText(result),
      absl::StrFormat("  processor time a %s: client %.3f us, server %s us\n", one, figures.client_cpu_us_per_call,
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

double Comparison::MedianRatio() const { return Summary::Of(Ratios()).median; }

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
  const auto speed = [](const Result& result) { return absl::StrFormat("%.0f/s", result.figures.calls_per_second); };
  const Options& subject = comparison.subject[0].options;
  const Options& yardstick = comparison.yardstick[0].options;
  return absl::StrCat(absl::StrFormat("%s (polling %d us) against %s (polling %d us), %s, congestion control %s\n",
                                      NameOf(subject.engine), absl::ToInt64Microseconds(subject.poll), NameOf(yardstick.engine),
                                      absl::ToInt64Microseconds(yardstick.poll), Load(subject), CongestionOf(subject)),
                      absl::StrFormat("  %-10s %s\n", NameOf(subject.engine), Joined(comparison.subject, ", ", speed)),
                      absl::StrFormat("  %-10s %s\n", NameOf(yardstick.engine), Joined(comparison.yardstick, ", ", speed)),
                      absl::StrFormat("  ratios: %s; median %.3f\n", absl::StrJoin(comparison.Ratios(), ", ", AppendRatio),
                                      comparison.MedianRatio()));
}

std::string TableTitle(const Options& options) {
  return absl::StrFormat("%s, workload %s: %d x %d bytes, polling %d us\n", NameOf(options.engine), NameOf(options.workload),
                         options.parallel, options.payload_bytes, absl::ToInt64Microseconds(options.poll));
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
