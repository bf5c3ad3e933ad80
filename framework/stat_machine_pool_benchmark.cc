#include <benchmark/benchmark.h>

#include <vector>

#include "absl/strings/str_format.h"
#include "listenrain/framework/stat_machine_pool.h"

namespace rain {
namespace {

// Requests that are sent together and answered in order: added, bound to their ids, found by them.
void AddBindPop(benchmark::State& state, const std::vector<MsgId>& foreign) {
  const auto parallel = static_cast<size_t>(state.range(0));
  OutgoingPool nodes;
  const auto pool = NewStatMachinePool(nodes);
  std::vector<Outgoing*> requests(parallel);
  for (auto _ : state) {
    for (size_t i = 0; i < parallel; ++i) {
      requests[i] = &nodes.NewInLoop();
      pool->Add(*requests[i]);
      if (!pool->Bind(*requests[i], foreign.empty() ? MsgId(requests[i]->token) : foreign[i]).ok()) {
        return state.SkipWithError("an id was taken");
      }
    }
    for (size_t i = 0; i < parallel; ++i) {
      Outgoing* const found = pool->Pop(foreign.empty() ? MsgId(requests[i]->token) : foreign[i]);
      if (found != requests[i]) return state.SkipWithError("another request was found");
      OutgoingPool::Retire(*found);
      nodes.RecycleInLoop(*found);
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void BM_OwnIds(benchmark::State& state) { AddBindPop(state, {}); }
BENCHMARK(BM_OwnIds)->Arg(1)->Arg(64)->Arg(1'000);

void BM_Uuids(benchmark::State& state) {
  std::vector<MsgId> ids;
  for (int64_t i = 0; i < state.range(0); ++i) {
    ids.emplace_back(absl::string_view(absl::StrFormat("123e4567-e89b-12d3-a456-%012x", i)));
  }
  AddBindPop(state, ids);
}
BENCHMARK(BM_Uuids)->Arg(1)->Arg(64)->Arg(1'000);

}  // namespace
}  // namespace rain
