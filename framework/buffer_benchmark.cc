#include <benchmark/benchmark.h>

#include <vector>

#include "listenrain/framework/buffer.h"

namespace rain {
namespace {

// Blocks taken together, and given back together.
void BM_AllocateAndRelease(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  const auto blocks = static_cast<size_t>(state.range(1));
  const auto pool = NewBufferPool();
  std::vector<Buffer> taken(blocks);
  for (auto _ : state) {
    for (Buffer& buffer : taken) buffer = pool->Allocate(size);
    if (taken.back().size() != size) return state.SkipWithError("the pool refused");
    for (Buffer& buffer : taken) buffer = Buffer();
  }
  if (pool->bytes_in_use() != 0) state.SkipWithError("a block did not come home");
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(blocks));
}
BENCHMARK(BM_AllocateAndRelease)->Args({1 << 10, 1})->Args({1 << 10, 64})->Args({64 << 10, 1})->Args({4 << 20, 1});

void BM_ShareAndDrop(benchmark::State& state) {
  const auto pool = NewBufferPool();
  const Buffer whole = pool->Allocate(64 << 10);
  for (auto _ : state) {
    Buffer slice = whole.Share(128, 110);
    benchmark::DoNotOptimize(slice);
  }
  if (!whole.unique()) state.SkipWithError("a slice still holds the block");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ShareAndDrop);

}  // namespace
}  // namespace rain
