#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "listenrain/codecs/length_prefix.h"
#include "listenrain/framework/packet_reader.h"

namespace rain {
namespace {

class Count final : public PacketSink {
 public:
  bool OnPacket(Payload&& payload) override {
    ++packets;
    bytes += SizeOf(payload);
    return true;
  }
  size_t packets = 0;
  size_t bytes = 0;
};

// As many packets of `payload_bytes` as there are, one behind the other.
std::string Stream(const PacketCodec& codec, size_t payload_bytes, size_t packets) {
  const std::string payload(payload_bytes, 'x');
  const absl::Span<const char> piece(payload);
  std::string header(codec.traits().max_header, '\0');
  if (!codec.EncodePacket({&piece, 1}, absl::MakeSpan(header.data(), header.size()), {}).ok()) return "";
  std::string stream;
  for (size_t i = 0; i < packets; ++i) stream += header + payload;
  return stream;
}

// As a socket delivers them: into the reader's own buffers, as much at a time as there is room for.
void BM_ReadPackets(benchmark::State& state) {
  const auto payload_bytes = static_cast<size_t>(state.range(0));
  const size_t packets = std::max<size_t>(4, (64 << 10) / payload_bytes);
  const auto codec = NewLengthPrefixCodec();
  const auto pool = NewBufferPool();
  const std::string stream = Stream(*codec, payload_bytes, packets);
  PacketReader reader(*codec, *pool, {.header_bytes = 24});
  Count sink;
  size_t streams = 0;
  for (auto _ : state) {
    ++streams;
    for (absl::string_view rest = stream; !rest.empty();) {
      Buffer room = reader.ReadBuffer();
      const size_t count = std::min(room.size(), rest.size());
      std::memcpy(room.mutable_data(), rest.data(), count);
      room.Truncate(count);
      rest.remove_prefix(count);
      if (!reader.Consume(std::move(room), sink).ok()) return state.SkipWithError("the stream was refused");
    }
  }
  if (sink.packets != streams * packets || sink.bytes != sink.packets * payload_bytes) state.SkipWithError("packets got lost");
  state.SetItemsProcessed(static_cast<int64_t>(sink.packets));
  state.SetBytesProcessed(static_cast<int64_t>(streams * stream.size()));
}
BENCHMARK(BM_ReadPackets)->Arg(110)->Arg(4 << 10)->Arg(256 << 10)->Arg(4 << 20);

}  // namespace
}  // namespace rain
