#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "listenrain/framework/parking.h"

namespace rain {
namespace {

constexpr uint32_t kGo = 1;

// Each thread is woken once, and runs.
struct Round {
  explicit Round(size_t threads) : parked(threads), to_run(threads) {}
  std::vector<Parking> parked;
  std::atomic<size_t> to_run;
  Parking all_ran;
  std::unique_ptr<Round> next;  // null: it is the last
};

void Sleep(Round* round, size_t index) {
  while (round != nullptr) {
    round->parked[index].Await(kGo);
    Round* const next = round->next.get();
    if (round->to_run.fetch_sub(1) == 1) round->all_ran.Put(kGo);
    round = next;
  }
}

void WakeAll(Round& round) {
  for (Parking& parked : round.parked) parked.Put(kGo);
  round.all_ran.Await(kGo);
}

// What callers that block can reach at most, however fast calls are: so many threads are woken one after another, and waited for.
void BM_WakeAndRun(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  auto round = std::make_unique<Round>(count);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) threads.emplace_back(Sleep, round.get(), i);
  for (auto _ : state) {
    round->next = std::make_unique<Round>(count);
    WakeAll(*round);
    round = std::move(round->next);
  }
  WakeAll(*round);
  for (std::thread& thread : threads) thread.join();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_WakeAndRun)->Arg(1)->Arg(4)->Arg(16)->UseRealTime();

}  // namespace
}  // namespace rain
