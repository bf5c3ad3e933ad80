// SimWorkload: the plan, from a seed, and the shortest one that still fails.
#include <algorithm>

#include "listenrain/testing/sim_random.h"
#include "listenrain/testing/sim_workload.h"

namespace rain {
namespace {

constexpr int64_t kSeconds = 20;  // that the plan's calls and faults spread over

absl::Duration Milliseconds(SimRandom& random, uint64_t least, uint64_t most) {
  return absl::Milliseconds(static_cast<int64_t>(random.LogBetween(least, most)));
}

SimSetting DrawSetting(SimRandom& random) {
  SimSetting setting;
  setting.servers = random.Between(1, 3);
  setting.clients = random.Between(1, 3);
  setting.loops = static_cast<int>(random.Between(1, 3));
  setting.window_requests = random.LogBetween(1, 256);
  setting.queued_packets = random.LogBetween(2, 512);
  setting.channels_per_key = random.Between(1, 3);
  setting.fails_over = random.OneIn(2);
  setting.keepalive = random.OneIn(2) ? absl::InfiniteDuration() : Milliseconds(random, 200, 5000);
  setting.max_idle = random.OneIn(2) ? absl::InfiniteDuration() : Milliseconds(random, 100, 5000);
  setting.latency = absl::Microseconds(static_cast<int64_t>(random.LogBetween(20, 50'000)));
  setting.jitter = random.OneIn(3) ? absl::ZeroDuration() : setting.latency;
  setting.bytes_per_second = random.LogBetween(100'000, 1'000'000'000);
  setting.buffer_bytes = random.LogBetween(256, 256 << 10);
  return setting;
}

SimCall DrawCall(SimRandom& random, const SimSetting& setting) {
  SimCall call;
  call.at = random.Below(absl::Seconds(kSeconds));
  call.client = static_cast<size_t>(random.Below(setting.clients));
  call.server = static_cast<size_t>(random.Below(setting.servers));
  call.method = static_cast<int64_t>(random.Below(8));
  call.bytes = random.OneIn(20) ? random.LogBetween(1, 300'000) : random.LogBetween(1, 2000);
  call.timeout = Milliseconds(random, 5, 8000);
  if (random.OneIn(10)) call.cancelled_after = Milliseconds(random, 1, 4000);
  call.idempotent = random.OneIn(3);
  call.wait_for_ready = random.OneIn(2);
  call.waits_for_room = random.OneIn(3);
  call.one_way = random.OneIn(10);
  call.from_outside = random.OneIn(2);
  return call;
}

SimFault DrawFault(SimRandom& random, const SimSetting& setting) {
  const size_t nodes = setting.servers + setting.clients;
  SimFault fault;
  fault.at = random.Below(absl::Seconds(kSeconds));
  fault.kind = static_cast<SimFaultKind>(random.Below(kSimFaultKinds));
  fault.node = static_cast<size_t>(random.Below(nodes));
  fault.other = static_cast<size_t>(random.Below(nodes));
  fault.lasts = Milliseconds(random, 1, 5000);
  fault.bytes = random.LogBetween(1, 100'000);
  return fault;
}

template <class T>
void SortByTime(std::vector<T>& things) {
  std::stable_sort(things.begin(), things.end(), [](const T& a, const T& b) { return a.at < b.at; });
}

// Takes away what it can, in ever smaller pieces, as long as the plan fails (Zeller's delta debugging).
template <class T>
void ShortenBy(SimPlan& plan, std::vector<T> SimPlan::*part) {
  for (size_t piece = std::max<size_t>((plan.*part).size() / 2, 1);; piece /= 2) {
    for (size_t at = 0; at < (plan.*part).size();) {
      SimPlan shorter = plan;
      std::vector<T>& things = shorter.*part;
      things.erase(things.begin() + static_cast<ptrdiff_t>(at),
                   things.begin() + static_cast<ptrdiff_t>(std::min(at + piece, things.size())));
      if (Run(shorter).failure.empty()) {
        at += piece;
      } else {
        plan = std::move(shorter);
      }
    }
    if (piece <= 1) return;
  }
}

}  // namespace

SimPlan PlanOf(uint64_t seed, size_t calls, size_t faults) {
  SimRandom random(seed);
  SimPlan plan;
  plan.seed = seed;
  plan.setting = DrawSetting(random);
  for (size_t i = 0; i < calls; ++i) plan.calls.push_back(DrawCall(random, plan.setting));
  for (size_t i = 0; i < faults; ++i) plan.faults.push_back(DrawFault(random, plan.setting));
  SortByTime(plan.calls);
  SortByTime(plan.faults);
  return plan;
}

SimPlan Shorten(const SimPlan& plan) {
  SimPlan shorter = plan;
  ShortenBy(shorter, &SimPlan::faults);
  ShortenBy(shorter, &SimPlan::calls);
  ShortenBy(shorter, &SimPlan::faults);
  return shorter;
}

}  // namespace rain
