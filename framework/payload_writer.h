// PayloadWriter: where a message is written. It grows in pooled blocks; what is appended by reference is never copied.
#pragma once

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"

namespace rain {

// Appended buffers of at least this many bytes are referred to, smaller ones are copied beside their neighbours.
inline constexpr size_t kReferenceBytes = 16 << 10;

// Payloads are written one after another into blocks of a pool, each with `headroom` free bytes in front for a packet header.
// Codecs use the first part; the engine, which makes writers, the second. Thread: one at a time.
class PayloadWriter {
 public:
  // Room for `count` contiguous bytes; what was reserved and not committed is given again. Empty past the size limit or when
  // the pool refuses: from then on status() is RESOURCE_EXHAUSTED and every Reserve is empty.
  absl::Span<char> Reserve(size_t count) {
    if (count > static_cast<size_t>(end_ - cursor_) && !Grow(count)) return {};
    return {cursor_, count};
  }
  // The first `count` bytes of what was reserved last are written.
  void Commit(size_t count) { cursor_ += count; }

  // Copies. No effect once status() is not OK.
  void Append(absl::string_view bytes);
  // Takes ownership: shares the block of a large buffer, copies a small one.
  void Append(Buffer bytes);

  const absl::Status& status() const { return status_; }
  // Bytes of this payload so far.
  size_t size() const { return closed_bytes_ + static_cast<size_t>(cursor_ - start_); }

  // `pool` is borrowed. A payload has at most `max_bytes`; blocks have `block_bytes`, or more if more is reserved at once.
  PayloadWriter(BufferPool& pool, size_t max_bytes, size_t block_bytes, size_t headroom);
  PayloadWriter(const PayloadWriter&) = delete;
  PayloadWriter& operator=(const PayloadWriter&) = delete;

  // Starts a payload with at least kReservedAtBegin contiguous bytes of room, if need be in a new block: HasRoom() tells.
  // Forgets an earlier failure. Errors: RESOURCE_EXHAUSTED if the pool refuses.
  absl::Status Begin() {
    if (!HasRoom() || has_pieces() || !status_.ok()) return BeginAnew();
    begun_at_ = OffsetOf(cursor_);
    OpenRegion(begun_at_ + headroom_);
    return absl::OkStatus();
  }
  // True if Begin will go on in the present block.
  bool HasRoom() const { return !block_.empty() && block_.size() - OffsetOf(cursor_) >= headroom_ + kReservedAtBegin; }
  // Forgets the payload begun: what was finished before it stays.
  void Rewind();
  // Ends the payload, which must not have failed: its pieces, the first with `headroom` bytes in front; none if it is empty and
  // there is no headroom. The next payload follows it in the block.
  Payload Take();

  // Codecs find at least this room, in one piece, for what they patch later.
  static constexpr size_t kReservedAtBegin = 256;

 protected:
  ~PayloadWriter() = default;
  // Of the blocks to come.
  void set_block_bytes(size_t bytes) { block_bytes_ = bytes; }
  absl::Status BeginAnew();
  bool Grow(size_t count);
  void CloseRegion();
  void OpenRegion(size_t offset) {
    start_ = cursor_ = block_.mutable_data() + offset;
    end_ = start_ + std::min(block_.size() - offset, max_bytes_ - closed_bytes_);
  }
  // True if the payload is not in one region: it has closed pieces, or went on in another block.
  bool has_pieces() const { return moved_ || !closed_.empty(); }
  void ForgetPieces();
  size_t OffsetOf(const char* position) const { return static_cast<size_t>(position - block_.data()); }

  BufferPool& pool_;
  const size_t max_bytes_;
  size_t block_bytes_;
  const size_t headroom_;
  Buffer block_;         // what is written into; [start_, cursor_) is this payload's open region
  Buffer origin_;        // the block in which this payload began, if it went on in another (moved_)
  size_t begun_at_ = 0;  // where it began in its first block, headroom included
  bool moved_ = false;
  char* start_ = nullptr;
  char* cursor_ = nullptr;
  char* end_ = nullptr;        // of what Reserve may give: the block's end, or the size limit
  Payload closed_;             // the payload's earlier pieces; the first begins with the headroom
  size_t closed_bytes_ = 0;    // without headroom
  size_t referred_bytes_ = 0;  // of these, in buffers that were appended by reference
  absl::Status status_;
};

// A writer whose payloads are handed out with Take(): for messages that wait in a queue.
class PooledWriter final : public PayloadWriter {
 public:
  PooledWriter(BufferPool& pool, size_t max_bytes, size_t block_bytes = 1 << 10)
      : PayloadWriter(pool, max_bytes, block_bytes, 0) {}
};

}  // namespace rain
