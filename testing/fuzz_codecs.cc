#include "listenrain/testing/fuzz_codecs.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

void MustHold(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "the codec contradicts itself: %s\n", what);
  std::abort();
}

// Bytes in memory of exactly their size, for AddressSanitizer.
class Exact {
 public:
  explicit Exact(absl::string_view bytes) : size_(bytes.size()), memory_(new char[bytes.size()]) {
    if (size_ > 0) std::memcpy(memory_.get(), bytes.data(), size_);
  }
  absl::string_view view() const { return {memory_.get(), size_}; }

 private:
  const size_t size_;
  const std::unique_ptr<char[]> memory_;
};

absl::StatusOr<PacketShape> Look(const PacketCodec& codec, absl::string_view prefix, ScanState& scan) {
  const Exact exact(prefix);
  return codec.DecodePacket({exact.view().data(), exact.view().size()}, scan);
}

void FrameAgain(const PacketCodec& codec, absl::string_view packet, const PacketShape& shape) {
  const absl::string_view payload = packet.substr(shape.header, shape.total - shape.header - shape.trailer);
  std::string header(codec.traits().max_header, '\0');
  std::string trailer(codec.traits().max_trailer, '\0');
  const auto frame = codec.EncodePacket({{payload.data(), payload.size()}}, absl::MakeSpan(header), absl::MakeSpan(trailer));
  MustHold(frame.ok(), "a payload that came cannot be sent");
  const std::string again =
      header.substr(header.size() - frame->header) + std::string(payload) + trailer.substr(0, frame->trailer);
  MustHold(again == packet.substr(0, shape.total), "a packet that came is framed otherwise when sent");
}

Payload OnePiece(const Exact& bytes) {
  Payload payload;
  payload.push_back(Buffer::Static(bytes.view()));
  return payload;
}

bool Same(const absl::StatusOr<FuzzedMessage>& a, const absl::StatusOr<FuzzedMessage>& b) {
  if (!a.ok() || !b.ok()) return a.ok() == b.ok();
  return a->described == b->described;
}

bool Same(const absl::StatusOr<MessageHeader>& a, const absl::StatusOr<MessageHeader>& b) {
  if (!a.ok() || !b.ok()) return a.ok() == b.ok();
  return a->id == b->id && a->kind == b->kind && a->flags == b->flags && a->remaining == b->remaining;
}

}  // namespace

void FuzzPacketCodec(const PacketCodec& codec, absl::string_view stream) {
  while (!stream.empty()) {
    ScanState whole;
    const absl::StatusOr<PacketShape> at_once = Look(codec, stream, whole);
    ScanState growing;
    for (size_t seen = 1; seen <= std::min<size_t>(stream.size(), 64); ++seen) {
      const absl::StatusOr<PacketShape> shape = Look(codec, stream.substr(0, seen), growing);
      if (!shape.ok()) {
        MustHold(!at_once.ok(), "a packet that grows is refused, but not when it comes at once");
        break;
      }
      MustHold(shape->total > 0, "a packet of no bytes");
      if (shape->total > seen) continue;
      MustHold(shape->exact && at_once.ok() && at_once->total == shape->total && at_once->header == shape->header,
               "a packet that grows is another than when it comes at once");
      break;
    }
    if (!at_once.ok() || at_once->total > stream.size()) return;
    MustHold(at_once->header <= at_once->total && at_once->trailer <= at_once->total - at_once->header,
             "more header than packet");
    FrameAgain(codec, stream, *at_once);
    stream.remove_prefix(at_once->total);
  }
}

void FuzzMessages(const HeaderCodec& codec, absl::string_view bytes,
                  absl::FunctionRef<absl::StatusOr<FuzzedMessage>(const MessageHeader&, Payload)> decode) {
  const Exact exact(bytes);
  const auto header = codec.PeekHeader(OnePiece(exact), Role::acceptor);
  const MessageHeader given = header.ok() ? *header : MessageHeader{};
  const auto message = decode(given, OnePiece(exact));
  MustHold(!codec.DecodeError(given, OnePiece(exact)).ok(), "an error that is OK");
  MustHold(header.ok() || !message.ok(), "a message without a header");

  const size_t header_bytes = codec.traits().header_bytes;
  if (bytes.size() > header_bytes) {
    const size_t cut = header_bytes + static_cast<uint8_t>(bytes.back()) % (bytes.size() - header_bytes);
    const Exact first(bytes.substr(0, cut));
    const Exact second(bytes.substr(cut));
    const auto pieces = [&] {
      Payload payload = OnePiece(first);
      payload.push_back(Buffer::Static(second.view()));
      return payload;
    };
    MustHold(Same(header, codec.PeekHeader(pieces(), Role::acceptor)), "the header of one piece and of two differ");
    MustHold(Same(message, decode(given, pieces())), "the message of one piece and of two differ");
  }
  if (!message.ok()) return;

  const std::shared_ptr<BufferPool> pool = NewBufferPool();
  PooledWriter writer(*pool, 64 << 20);
  MustHold(writer.Begin().ok(), "no room to begin");
  const absl::Status encoded = message->encode(*header, writer);
  // What came in a looser form than ours may be too large in ours.
  if (!encoded.ok()) return MustHold(absl::IsInvalidArgument(encoded), "a message that came cannot be sent");
  const Payload again = writer.Take();
  MustHold(Same(header, codec.PeekHeader(again, Role::acceptor)), "a header that came is another when sent");
  MustHold(Same(message, decode(*header, Share(again))), "a message that came is another when sent");
}

void FuzzMessageCodec(const MessageCodec<Message>& codec, absl::string_view bytes) {
  FuzzMessageCodec<Message>(codec, bytes, [](const Message& message) {
    std::string described = absl::StrCat(message.method, " ", message.command.size(), " ", message.command);
    for (const Metadata::Entry& entry : message.metadata.entries()) {
      absl::StrAppend(&described, " ", entry.key.size(), " ", entry.key, " ", entry.value.size(), " ", entry.value);
    }
    return absl::StrCat(described, " body ", message.text());
  });
}

}  // namespace rain
