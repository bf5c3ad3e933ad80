#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "listenrain/codecs/length_prefix.h"

namespace rain {
namespace {

void BM_FrameAndUnframe(benchmark::State& state) {
  const auto codec = NewLengthPrefixCodec();
  const std::string payload(110, 'x');
  const absl::Span<const char> piece(payload);
  std::array<char, 4> header;
  for (auto _ : state) {
    const auto frame = codec->EncodePacket({&piece, 1}, absl::MakeSpan(header), {});
    ScanState scan;
    const auto shape = codec->DecodePacket(header, scan);
    if (!frame.ok() || !shape.ok() || shape->total != header.size() + payload.size()) {
      return state.SkipWithError("the frame was not read as it was written");
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_FrameAndUnframe);

}  // namespace
}  // namespace rain
