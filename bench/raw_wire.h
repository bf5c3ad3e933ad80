// The yardsticks' wire, and what they do with it: packets of a 4-byte length, an 8-byte number (both big-endian; the length
// counts what follows it) and a payload. Nothing here knows where the bytes come from or go to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "listenrain/bench/calls.h"
#include "listenrain/bench/meter.h"

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
  explicit RawReader(size_t payload_bytes);

  // Where the next bytes go, never empty. Packets given before are gone.
  absl::Span<char> Room();
  // That many of them came.
  void Fill(size_t count) { filled_ += count; }
  // False if no complete packet is left. Errors: DATA_LOSS if a packet has another size than the run's.
  absl::StatusOr<bool> Next(RawPacket& packet);

 private:
  const size_t packet_bytes_;
  const size_t capacity_;
  std::unique_ptr<char[]> bytes_;
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
  explicit RawWriter(RawSink& sink) : sink_(sink) {}

  // Copies what does not leave at once. Errors: the sink's.
  absl::Status Append(const RawPacket& packet);
  // Writes what it can, unless the sink was full and OnWritable has not come since. Errors: the sink's.
  absl::Status Flush();
  absl::Status OnWritable() {
    full_ = false;
    return Flush();
  }
  size_t pending() const { return end_ - begin_; }

 private:
  char* Grow(size_t count);
  absl::Status WriteDirectly(const char* header, absl::Span<const char> payload);

  RawSink& sink_;
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool full_ = false;
};

// The server's part of a turn: a reply to each complete request. Errors: the reader's or the sink's.
absl::Status AnswerAll(RawReader& reader, RawWriter& writer);

// The client's part. Thread: one at a time.
class RawCaller {
 public:
  RawCaller(Calls& calls, Meter& meter) : calls_(calls), meter_(meter) {}

  // All of the calls at once. Errors: the sink's.
  absl::Status Start(RawWriter& writer, Instant now);
  // Each complete reply ends its call and, until the meter's end, begins another. Errors: DATA_LOSS for a wrong reply; the
  // sink's.
  absl::Status Turn(RawReader& reader, RawWriter& writer, Instant now);
  bool done() const { return calls_.in_flight() == 0; }

 private:
  absl::Status Request(size_t slot, RawWriter& writer, Instant now);

  Calls& calls_;
  Meter& meter_;
};

}  // namespace rain::bench
