#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "listenrain/codecs/compact.h"

namespace rain {
namespace {

constexpr size_t kMaxBytes = 64 << 20;

MessageHeader Request() { return {.id = MsgId(7), .kind = MessageKind::request, .remaining = absl::Seconds(10)}; }

void BM_EncodeCompact(benchmark::State& state) {
  const auto codec = NewCompactCodec();
  const auto pool = NewBufferPool();
  const std::string body(static_cast<size_t>(state.range(0)), 'x');
  const Message message = Message::Bytes(1, Buffer::Static({body.data(), body.size()}));
  const MessageHeader header = Request();
  PooledWriter writer(*pool, kMaxBytes);
  size_t size = 0;
  for (auto _ : state) {
    if (!writer.Begin().ok() || !codec->EncodeMessage(header, message, writer).ok()) {
      return state.SkipWithError("the message was refused");
    }
    size = SizeOf(writer.Take());
  }
  if (size < body.size()) state.SkipWithError("the body is missing");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EncodeCompact)->Arg(110)->Arg(4 << 10)->Arg(4 << 20);

void BM_DecodeCompact(benchmark::State& state) {
  const auto codec = NewCompactCodec();
  const auto pool = NewBufferPool();
  const std::string body(static_cast<size_t>(state.range(0)), 'x');
  PooledWriter writer(*pool, kMaxBytes);
  const bool begun = writer.Begin().ok();
  if (!begun || !codec->EncodeMessage(Request(), Message::Text(1, body), writer).ok()) {
    return state.SkipWithError("the message was refused");
  }
  const Payload payload = writer.Take();
  for (auto _ : state) {
    Payload received = Share(payload);
    const absl::StatusOr<MessageHeader> header = codec->PeekHeader(received, Role::acceptor);
    if (!header.ok()) return state.SkipWithError("the header was refused");
    absl::StatusOr<Message> message = codec->DecodeMessage(*header, std::move(received));
    if (!message.ok() || message->method != 1) return state.SkipWithError("another message was decoded");
    benchmark::DoNotOptimize(message);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DecodeCompact)->Arg(110)->Arg(4 << 10)->Arg(4 << 20);

}  // namespace
}  // namespace rain
