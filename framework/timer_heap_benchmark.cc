#include <benchmark/benchmark.h>

#include <deque>
#include <random>

#include "listenrain/framework/timer_heap.h"

namespace rain {
namespace {

class SilentTimer final : public Timer {
 private:
  void OnTimer() override {}
};

constexpr absl::Duration kWithin = absl::Seconds(10);

// Each armed once, at deadlines in no order.
void ArmAll(TimerHeap& heap, std::deque<SilentTimer>& timers, Instant now, std::mt19937_64& random) {
  for (SilentTimer& timer : timers) {
    heap.Arm(timer, now + absl::Nanoseconds(random() % static_cast<uint64_t>(absl::ToInt64Nanoseconds(kWithin))));
  }
}

void BM_ArmAndCancel(benchmark::State& state) {
  TimerHeap heap;
  std::mt19937_64 random(1);
  std::deque<SilentTimer> others(static_cast<size_t>(state.range(0)));
  ArmAll(heap, others, Instant{}, random);
  SilentTimer timer;
  for (auto _ : state) {
    heap.Arm(timer, Instant{static_cast<int64_t>(random() % 10'000'000'000)});
    heap.Cancel(timer);
  }
  if (heap.size() != others.size()) state.SkipWithError("a timer is still armed");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ArmAndCancel)->Arg(0)->Arg(64)->Arg(10'000);

void BM_ArmAndFire(benchmark::State& state) {
  TimerHeap heap;
  std::mt19937_64 random(1);
  std::deque<SilentTimer> timers(static_cast<size_t>(state.range(0)));
  Instant now;
  for (auto _ : state) {
    ArmAll(heap, timers, now, random);
    now = now + kWithin;
    if (heap.FireDue(now) != timers.size()) return state.SkipWithError("a timer did not fire");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ArmAndFire)->Arg(1'000);

}  // namespace
}  // namespace rain
