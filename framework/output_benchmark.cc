#include <benchmark/benchmark.h>

#include <string>

#include "listenrain/codecs/length_prefix.h"
#include "listenrain/framework/output.h"

namespace rain {
namespace {

constexpr size_t kMaxPacketBytes = 64 << 20;

// What one turn wrote, and lets go of it.
size_t Flush(Output& output) {
  size_t bytes = 0;
  for (const Buffer& piece : output.Ready()) bytes += piece.size();
  output.Clear();
  return bytes;
}

// A turn's packets, encoded in place.
void BM_WriteInPlace(benchmark::State& state) {
  const std::string payload(static_cast<size_t>(state.range(0)), 'x');
  const auto packets = static_cast<size_t>(state.range(1));
  const auto codec = NewLengthPrefixCodec();
  const auto pool = NewBufferPool();
  Output output(*codec, *pool, kMaxPacketBytes);
  size_t written = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < packets; ++i) {
      if (!output.Begin().ok()) return state.SkipWithError("no packet could begin");
      static_cast<PayloadWriter&>(output).Append(absl::string_view(payload));
      if (!output.EndPacket().ok()) return state.SkipWithError("a packet was refused");
    }
    written = Flush(output);
  }
  if (written != packets * (payload.size() + 4)) state.SkipWithError("a turn wrote something else");
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(packets));
}
BENCHMARK(BM_WriteInPlace)->Args({110, 1})->Args({110, 64})->Args({110, 1000})->Args({4 << 10, 16});

// A payload that waited elsewhere; a large one is referred to.
void BM_AppendPayload(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  const auto codec = NewLengthPrefixCodec();
  const auto pool = NewBufferPool();
  Output output(*codec, *pool, kMaxPacketBytes);
  const Buffer body = pool->Allocate(size);
  size_t written = 0;
  for (auto _ : state) {
    if (!output.Append(Payload(body.Share())).ok()) return state.SkipWithError("a packet was refused");
    written = Flush(output);
  }
  if (written != size + 4) state.SkipWithError("a turn wrote something else");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AppendPayload)->Arg(110)->Arg(4 << 10)->Arg(4 << 20);

}  // namespace
}  // namespace rain
