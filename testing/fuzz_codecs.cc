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

void MustHold(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "must not be: %s\n", what);
  std::abort();
}

namespace {

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

// What a decoder says of all of the stream; shown no more than it needs, since a stream may have many small packets.
absl::StatusOr<PacketShape> LookAtOnce(const PacketCodec& codec, absl::string_view stream) {
  for (size_t seen = 256;; seen *= 4) {
    ScanState scan;
    absl::StatusOr<PacketShape> shape = Look(codec, stream.substr(0, seen), scan);
    if (!shape.ok() || shape->total <= seen || seen >= stream.size()) return shape;
  }
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

// Any bytes may be a payload. What cannot be framed is refused: a delimiter in it, or too many bytes.
void FramePayload(const PacketCodec& codec, absl::string_view bytes) {
  const Exact payload(bytes);
  std::string header(codec.traits().max_header, '\0');
  std::string trailer(codec.traits().max_trailer, '\0');
  const auto frame = codec.EncodePacket({{payload.view().data(), bytes.size()}}, absl::MakeSpan(header), absl::MakeSpan(trailer));
  if (!frame.ok()) {
    return MustHold(absl::IsInvalidArgument(frame.status()) || absl::IsResourceExhausted(frame.status()),
                    "a payload is refused without a reason");
  }
  MustHold(frame->header <= header.size() && frame->trailer <= trailer.size(), "a frame larger than its codec says");
  const std::string packet =
      header.substr(header.size() - frame->header) + std::string(bytes) + trailer.substr(0, frame->trailer);
  ScanState scan;
  const absl::StatusOr<PacketShape> shape = Look(codec, packet, scan);
  MustHold(shape.ok() && shape->exact && shape->total == packet.size() && shape->header == frame->header &&
               shape->trailer == frame->trailer,
           "a packet that was framed is cut otherwise");
}

using Decode = absl::FunctionRef<absl::StatusOr<FuzzedMessage>(const MessageHeader&, Payload)>;

// As who is in this role reads it.
void FuzzMessagesOf(Role role, const HeaderCodec& codec, absl::string_view bytes, Decode decode) {
  const Exact exact(bytes);
  const auto header = codec.PeekHeader(OnePiece(exact), role);
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
    MustHold(Same(header, codec.PeekHeader(pieces(), role)), "the header of one piece and of two differ");
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
  MustHold(Same(header, codec.PeekHeader(again, role)), "a header that came is another when sent");
  MustHold(Same(message, decode(*header, Share(again))), "a message that came is another when sent");
}

}  // namespace

void FuzzPacketCodec(const PacketCodec& codec, absl::string_view stream) {
  FramePayload(codec, stream);
  for (int packets = 0; packets < 64 && !stream.empty(); ++packets) {  // the next ones would be cut as these are
    const absl::StatusOr<PacketShape> at_once = LookAtOnce(codec, stream);
    ScanState growing;
    for (size_t seen = 1; seen <= stream.size(); seen += seen < 64 ? 1 : seen / 4) {
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

void FuzzMessages(const HeaderCodec& codec, absl::string_view bytes, Decode decode) {
  for (const Role role : {Role::dialer, Role::acceptor}) FuzzMessagesOf(role, codec, bytes, decode);
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
