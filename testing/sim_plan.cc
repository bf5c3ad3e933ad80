#include "listenrain/testing/sim_plan.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "listenrain/testing/sim_random.h"

namespace rain {
namespace {

Limits DrawLimits(SimRandom& random) {
  Limits limits;
  limits.max_packet_bytes = random.LogBetween(64 << 10, 1 << 20);
  limits.max_queued_bytes = random.LogBetween(64 << 10, 4 << 20);
  limits.max_queued_packets = random.LogBetween(2, 512);
  limits.window_requests = random.LogBetween(1, 1024);
  limits.window_bytes = random.LogBetween(64 << 10, 4 << 20);
  limits.retry_share = random.OneIn(2) ? 0.1 : 1.0;
  limits.retry_burst = static_cast<double>(random.LogBetween(1, 1000));
  return limits;
}

SimSetting DrawSetting(SimRandom& random) {
  SimSetting setting;
  setting.servers = random.Between(1, 3);
  setting.clients = random.Between(1, 3);
  setting.loops = static_cast<int>(random.Between(1, 3));
  setting.wire = random.OneIn(2) ? SimWire::compact : static_cast<SimWire>(random.Below(kSimWires));
  setting.runner = static_cast<SimRunner>(random.Below(kSimRunners));
  setting.by_priority = random.OneIn(4);
  setting.observed = random.OneIn(4);
  setting.limits = DrawLimits(random);
  setting.pool.channels_per_key = random.Between(1, 3);
  setting.pool.max_idle = random.OneIn(2) ? absl::InfiniteDuration() : random.LogMilliseconds(100, 5000);
  setting.keepalive = random.OneIn(2) || !setting.is_native() ? absl::InfiniteDuration() : random.LogMilliseconds(200, 5000);
  setting.longest_backoff = random.LogMilliseconds(20, 5000);
  setting.fails_over = random.OneIn(2);
  setting.gentle = setting.is_native() && random.OneIn(4);
  if (setting.gentle && setting.keepalive < absl::InfiniteDuration()) setting.keepalive *= 10;  // no slow link looks dead
  setting.time = absl::Seconds(random.OneIn(4) ? 200 : 20);
  setting.burst = random.OneIn(2) ? 1 : random.LogBetween(2, 300);
  setting.burst_has_one_way = random.OneIn(2);
  setting.usual_bytes = 2000;
  setting.link.latency = absl::Microseconds(static_cast<int64_t>(random.LogBetween(20, 50'000)));
  setting.link.jitter = random.OneIn(3) ? absl::ZeroDuration() : setting.link.latency;
  setting.link.bytes_per_second = random.LogBetween(1'000'000, 1'000'000'000);
  setting.link.buffer_bytes = random.LogBetween(256, 256 << 10);
  if (random.OneIn(4)) {  // blocks fill up
    setting.usual_bytes = 16'000;
    setting.limits.window_requests = setting.limits.max_queued_packets = 300;
    setting.limits.window_bytes = setting.limits.max_queued_bytes = 4 << 20;
    setting.link.buffer_bytes = 64 << 10;
  }
  return setting;
}

SimCall DrawCall(SimRandom& random, const SimSetting& setting, absl::Duration at) {
  SimCall call;
  call.at = at;
  call.client = static_cast<size_t>(random.Below(setting.clients));
  call.server = static_cast<size_t>(random.Below(setting.servers));
  call.method = static_cast<int64_t>(random.Below(kSimMethods));
  // A protocol without an error reply loses the channel with each such request.
  if (!setting.has_kinds() && call.method > kAnswerMuchLater && !random.OneIn(10)) call.method = kReply;
  call.bytes = random.OneIn(20) ? random.LogBetween(1, 300'000) : random.LogBetween(1, setting.usual_bytes);
  call.timeout = random.LogMilliseconds(5, 8000);
  if (random.OneIn(10)) call.cancelled_after = random.LogMilliseconds(1, 4000);
  call.style = static_cast<SimStyle>(random.Below(kSimStyles));
  call.priority = static_cast<int>(random.Below(3));
  call.idempotent = random.OneIn(3);
  call.wait_for_ready = random.OneIn(2);
  call.waits_for_room = random.OneIn(3);
  call.one_way = setting.is_native() && random.OneIn(10);
  call.from_outside = random.OneIn(2);
  return call;
}

}  // namespace

bool SimSetting::is_prompt() const {
  constexpr double kBytesPerSecond = 2'000'000;
  const double round_trip = absl::ToDoubleSeconds(2 * (link.latency + link.jitter));
  return static_cast<double>(link.bytes_per_second) >= kBytesPerSecond &&
         static_cast<double>(link.buffer_bytes) >= kBytesPerSecond * round_trip;
}

std::string SimSetting::NodeName(size_t index) const {
  return index < servers ? absl::StrCat("server-", index) : absl::StrCat("client-", index - servers);
}

std::string SimSetting::ToString() const {
  constexpr const char* kWireNames[] = {"compact", "capnp", "uuid_binary", "uuid_text", "line"};
  constexpr const char* kRunnerNames[] = {"in any order", "in order", "on the loop"};
  static_assert(std::size(kWireNames) == kSimWires && std::size(kRunnerNames) == kSimRunners);
  std::string text = absl::StrCat(servers, " servers, ", clients, " clients, ", loops, " loops, ",
                                  kWireNames[static_cast<size_t>(wire)], ", run ", kRunnerNames[static_cast<size_t>(runner)]);
  absl::StrAppend(&text, by_priority ? ", by priority" : "", observed ? ", observed" : "",
                  fails_over ? ", keys list all servers" : "", gentle ? ", gentle" : "");
  absl::StrAppend(&text, ", window ", limits.window_requests, " requests and ", limits.window_bytes, " bytes, queue ",
                  limits.max_queued_packets, " packets and ", limits.max_queued_bytes, " bytes, packets up to ",
                  limits.max_packet_bytes, " bytes, retries ", limits.retry_share, " and ", limits.retry_burst);
  absl::StrAppend(&text, ", channels ", pool.channels_per_key, ", idle ", absl::FormatDuration(pool.max_idle), ", keepalive ",
                  absl::FormatDuration(keepalive), ", link ", absl::FormatDuration(link.latency), " and up to ",
                  absl::FormatDuration(link.jitter), ", ", link.bytes_per_second, " bytes/s, buffer ", link.buffer_bytes,
                  " bytes");
  return text;
}

SimPlan PlanOf(uint64_t seed, size_t calls, size_t faults) {
  SimRandom random(seed);
  SimPlan plan;
  plan.seed = seed;
  plan.setting = DrawSetting(random);
  absl::Duration at;
  for (size_t i = 0; i < calls; ++i) {
    if (i % plan.setting.burst == 0) at = random.Below(plan.setting.time);
    SimCall call = DrawCall(random, plan.setting, at);
    if (plan.setting.burst_has_one_way && i % plan.setting.burst != 0) {
      call.client = plan.calls.back().client;
      call.server = plan.calls.back().server;
      call.from_outside = plan.calls.back().from_outside;
    }
    plan.calls.push_back(call);
  }
  std::stable_sort(plan.calls.begin(), plan.calls.end(), [](const SimCall& a, const SimCall& b) { return a.at < b.at; });
  std::vector<SimFaultKind> kinds;
  if (plan.setting.gentle) kinds = {SimFaultKind::drain};
  if (plan.setting.gentle && !plan.setting.is_prompt()) kinds.push_back(SimFaultKind::slow_reader);
  plan.faults = DrawFaults(random, plan.setting.servers + plan.setting.clients, faults, plan.setting.time, kinds);
  // Where calls come in bursts there is little to befall between them.
  for (SimFault& fault : plan.faults) {
    if (plan.setting.burst == 1 || plan.calls.empty() || fault.moment.has_value() || random.OneIn(4)) continue;
    fault.at = plan.calls[static_cast<size_t>(random.Below(plan.calls.size()))].at;
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(), [](const SimFault& a, const SimFault& b) { return a.at < b.at; });
  return plan;
}

}  // namespace rain
