#include "listenrain/bench/raw_wire.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace rain::bench {
namespace {

constexpr size_t kCheapToMoveBytes = 4 << 10;

template <class Unsigned>
Unsigned LoadBigEndian(const char* from) {
  Unsigned value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(from[i]));
  return value;
}

template <class Unsigned>
void StoreBigEndian(Unsigned value, char* to) {
  for (size_t i = sizeof(value); i-- > 0; value = static_cast<Unsigned>(value >> 8)) to[i] = static_cast<char>(value & 0xff);
}

constexpr size_t kLengthBytes = 4;
constexpr size_t kNumberBytes = kRawHeaderBytes - kLengthBytes;

void WriteHeader(const RawPacket& packet, char* to) {
  StoreBigEndian(static_cast<uint32_t>(kNumberBytes + packet.payload.size()), to);
  StoreBigEndian(packet.number, to + kLengthBytes);
}

// memcpy's arguments must not be null, and an empty payload's may be.
void Copy(absl::Span<const char> from, char* to) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

}  // namespace

RawReader::RawReader(size_t payload_bytes, RawBlocks& blocks)
    : packet_bytes_(kRawHeaderBytes + payload_bytes), capacity_(std::max(kRawReadBytes, 2 * packet_bytes_)), blocks_(blocks) {}

absl::Span<char> RawReader::Room() {
  if (block_.bytes == nullptr) block_ = blocks_.Take(capacity_);
  const size_t left = filled_ - used_;
  if (left <= kCheapToMoveBytes || block_.capacity - filled_ < block_.capacity / 2) {
    std::memmove(block_.bytes.get(), block_.bytes.get() + used_, left);
    used_ = 0;
    filled_ = left;
  }
  return {block_.bytes.get() + filled_, block_.capacity - filled_};
}

absl::StatusOr<bool> RawReader::Next(RawPacket& packet) {
  const size_t left = filled_ - used_;
  if (left == 0 && block_.bytes != nullptr) {
    used_ = filled_ = 0;
    blocks_.Give(block_);
  }
  if (left < kRawHeaderBytes) return false;
  const char* start = block_.bytes.get() + used_;
  const size_t total = kLengthBytes + LoadBigEndian<uint32_t>(start);
  if (total != packet_bytes_) {
    return absl::DataLossError(absl::StrCat("a packet of ", total, " bytes where all have ", packet_bytes_));
  }
  if (left < total) return false;
  packet.number = LoadBigEndian<uint64_t>(start + kLengthBytes);
  packet.payload = {start + kRawHeaderBytes, total - kRawHeaderBytes};
  used_ += total;
  return true;
}

absl::Status RawWriter::Append(const RawPacket& packet) {
  if (packet.payload.size() >= kRawDirectBytes && !full_) {
    char header[kRawHeaderBytes];
    WriteHeader(packet, header);
    return WriteDirectly(header, packet.payload);
  }
  char* to = Grow(kRawHeaderBytes + packet.payload.size());
  WriteHeader(packet, to);
  Copy(packet.payload, to + kRawHeaderBytes);
  return pending() < kRawFlushBytes ? absl::OkStatus() : Flush();
}

absl::Status RawWriter::Flush() {
  if (full_ || begin_ == end_) return absl::OkStatus();
  const absl::Span<const char> all(block_.bytes.get() + begin_, end_ - begin_);
  const absl::StatusOr<size_t> taken = sink_.Write({all});
  if (!taken.ok()) return taken.status();
  full_ = *taken < all.size();
  Drop(*taken);
  return absl::OkStatus();
}

// They have left.
void RawWriter::Drop(size_t count) {
  begin_ += count;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (block_.bytes != nullptr) blocks_.Give(block_);
}

absl::Status RawWriter::WriteDirectly(const char* header, absl::Span<const char> payload) {
  const absl::Span<const char> pieces[] = {{block_.bytes.get() + begin_, pending()}, {header, kRawHeaderBytes}, payload};
  const absl::StatusOr<size_t> taken = sink_.Write(pieces);
  if (!taken.ok()) return taken.status();
  full_ = *taken < pending() + kRawHeaderBytes + payload.size();
  size_t skip = *taken;
  const size_t from_pending = std::min(skip, pending());
  Drop(from_pending);
  skip -= from_pending;
  for (const absl::Span<const char> piece : {pieces[1], pieces[2]}) {
    const size_t gone = std::min(skip, piece.size());
    skip -= gone;
    const absl::Span<const char> rest = piece.subspan(gone);
    if (!rest.empty()) Copy(rest, Grow(rest.size()));
  }
  return absl::OkStatus();
}

// Room for `count` more pending bytes, which it counts as pending.
char* RawWriter::Grow(size_t count) {
  if (block_.capacity - end_ < count) {
    const size_t kept = pending();
    if (kept + count > block_.capacity / 2) {
      RawBlock larger = blocks_.Take(std::bit_ceil(2 * (kept + count)));
      Copy({block_.bytes.get() + begin_, kept}, larger.bytes.get());
      block_ = std::move(larger);
    } else {
      std::memmove(block_.bytes.get(), block_.bytes.get() + begin_, kept);
    }
    begin_ = 0;
    end_ = kept;
  }
  char* const at = block_.bytes.get() + end_;
  end_ += count;
  return at;
}

}  // namespace rain::bench
