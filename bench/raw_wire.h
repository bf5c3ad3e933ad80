// The yardsticks' wire: packets of a 4-byte length, an 8-byte number (both big-endian; the length
// counts what follows it) and a payload. Nothing here knows where the bytes come from or go to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "listenrain/bench/raw_blocks.h"

namespace rain::bench {

inline constexpr size_t kRawHeaderBytes = 12;
inline constexpr size_t kRawReadBytes = 64 << 10;    // read at once, at least
inline constexpr size_t kRawFlushBytes = 256 << 10;  // written at once, about at most
inline constexpr size_t kRawDirectBytes = 64 << 10;  // payloads from here on are handed to the kernel where they lie

struct RawPacket {
  uint64_t number = 0;
  absl::Span<const char> payload;
};

// Cuts packets out of what was read, where it lies. Thread: one at a time.
class RawReader {
 public:
  // `blocks` is borrowed.
  RawReader(size_t payload_bytes, RawBlocks& blocks);

  // Where the next bytes go, never empty.
  absl::Span<char> Room();
  // That many of them came.
  void Fill(size_t count) { filled_ += count; }
  // False if no complete packet is left; packets given before are gone then. Errors: DATA_LOSS if a packet has another size than
  // the run's.
  absl::StatusOr<bool> Next(RawPacket& packet);

 private:
  const size_t packet_bytes_;
  const size_t capacity_;
  RawBlocks& blocks_;
  RawBlock block_;  // while part of a packet lies in it, or a read is under way
  size_t used_ = 0;
  size_t filled_ = 0;
};

// Where written bytes go.
class RawSink {
 public:
  // How many bytes were taken, from the front; fewer than all when the peer is slow. Errors: of the system.
  virtual absl::StatusOr<size_t> Write(absl::Span<const absl::Span<const char>> pieces) = 0;

 protected:
  ~RawSink() = default;
};

// Gathers packets so that a turn's replies leave in one write. Thread: one at a time.
class RawWriter {
 public:
  // Both are borrowed.
  RawWriter(RawSink& sink, RawBlocks& blocks) : sink_(sink), blocks_(blocks) {}

  // Copies what does not leave at once. Errors: the sink's.
  absl::Status Append(const RawPacket& packet);
  // Writes what it can, unless the sink was full and OnWritable has not come since. Errors: the sink's.
  absl::Status Flush();
  absl::Status OnWritable() {
    full_ = false;
    return Flush();
  }
  size_t pending() const { return end_ - begin_; }
  // The sink took less than all, and OnWritable has not come since.
  bool full() const { return full_; }

 private:
  void Drop(size_t count);
  char* Grow(size_t count);
  absl::Status WriteDirectly(const char* header, absl::Span<const char> payload);

  RawSink& sink_;
  RawBlocks& blocks_;
  RawBlock block_;  // while anything pends
  size_t begin_ = 0;
  size_t end_ = 0;
  bool full_ = false;
};

}  // namespace rain::bench
