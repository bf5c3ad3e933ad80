// Calls: the calls that one thread keeps in flight: their numbers, what they carry, whether the replies are right, and how long
// they took.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "listenrain/bench/histogram.h"
#include "listenrain/bench/meter.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/clock.h"

namespace rain::bench {

// What a call carries follows from its number alone: a window, of the payload's size, into one random sequence. So it costs one
// copy to send and one comparison to check. Or it is one payload for all, handed over by reference, of whose bytes only the first
// and the last are looked at: what remains is what passing it on costs. Thread: any; constant.
class PayloadPattern {
 public:
  static constexpr size_t kEndBytes = 64;  // of a payload for all

  explicit PayloadPattern(size_t payload_bytes, bool one_for_all = false);
  absl::Span<const char> Of(uint64_t number) const { return {sequence_.data() + OffsetOf(number), size_}; }
  // The same, to be sent. What is not for all outlives every call, so it needs no block of its own.
  Buffer BufferOf(uint64_t number) const {
    return one_for_all_ ? sequence_.Share(0, size_) : Buffer::Static({Of(number).data(), size_});
  }
  // True if the pieces, in order, are what the call carries.
  bool IsOf(uint64_t number, absl::Span<const absl::Span<const char>> pieces) const {
    if (!one_for_all_ || size_ <= kEndBytes) return Agree(Of(number), pieces, 0, size_);
    return Agree(Of(number), pieces, 0, kEndBytes) && Agree(Of(number), pieces, size_ - kEndBytes, size_);
  }

 private:
  static constexpr uint64_t kSpread = 0x9e3779b97f4a7c15;  // neighbours among the numbers lie far apart in the sequence
  static constexpr int kShift = 64 - 12;

  size_t OffsetOf(uint64_t number) const { return one_for_all_ ? 0 : static_cast<size_t>((number * kSpread) >> kShift); }
  // True if the pieces have the length of `whole`, and its bytes from `from` until `to`.
  static bool Agree(absl::Span<const char> whole, absl::Span<const absl::Span<const char>> pieces, size_t from, size_t to) {
    size_t at = 0;
    for (absl::Span<const char> piece : pieces) {
      const size_t begin = std::max(at, from), end = std::min(at + piece.size(), to);
      if (begin < end && std::memcmp(piece.data() + (begin - at), whole.data() + begin, end - begin) != 0) return false;
      at += piece.size();
    }
    return at == whole.size();
  }

  size_t size_;
  bool one_for_all_;
  Buffer sequence_;
};

// Slots 0 to parallel-1 each hold one call at a time. Thread: one at a time.
class Calls {
 public:
  // `pattern` and `meter` are borrowed.
  Calls(const PayloadPattern& pattern, const Meter& meter, size_t parallel)
      : pattern_(pattern), meter_(meter), slots_(parallel) {}

  // The next call's number; its payload is what pattern() says. The slot must be free.
  uint64_t Begin(size_t slot, Instant now) {
    Slot& mine = slots_[slot];
    mine.number = (++mine.round << 32) | slot;
    mine.begun = now;
    ++in_flight_;
    return mine.number;
  }
  // Frees the slot. The payload comes in pieces, or in one. Errors: DATA_LOSS if no such call is in flight or the payload is not
  // its own.
  absl::Status End(uint64_t number, absl::Span<const absl::Span<const char>> pieces, Instant now) {
    if (!InFlight(number)) return Unknown(number);
    if (!pattern_.IsOf(number, pieces)) return Wrong(number, pieces);
    const Slot& mine = Free(number);
    if (meter_.Counts(now)) latencies_.Record(static_cast<uint64_t>(now.nanoseconds - mine.begun.nanoseconds));
    return absl::OkStatus();
  }
  absl::Status End(uint64_t number, absl::Span<const char> payload, Instant now) {
    return End(number, absl::MakeConstSpan(&payload, 1), now);
  }
  // Frees the slot of a call that gets no right reply. No effect if it is not in flight.
  void Abandon(uint64_t number) {
    if (InFlight(number)) Free(number);
  }

  static size_t SlotOf(uint64_t number) { return number & 0xffffffff; }
  size_t parallel() const { return slots_.size(); }
  size_t in_flight() const { return in_flight_; }
  const PayloadPattern& pattern() const { return pattern_; }
  const Histogram& latencies() const { return latencies_; }

 private:
  struct Slot {
    uint64_t number = 0;  // 0: free
    uint64_t round = 0;
    Instant begun;
  };
  bool InFlight(uint64_t number) const {
    return SlotOf(number) < slots_.size() && slots_[SlotOf(number)].number == number && number != 0;
  }
  const Slot& Free(uint64_t number) {
    Slot& mine = slots_[SlotOf(number)];
    mine.number = 0;
    --in_flight_;
    return mine;
  }
  static absl::Status Unknown(uint64_t number);
  absl::Status Wrong(uint64_t number, absl::Span<const absl::Span<const char>> pieces) const;

  const PayloadPattern& pattern_;
  const Meter& meter_;
  std::vector<Slot> slots_;
  size_t in_flight_ = 0;
  Histogram latencies_;
};

}  // namespace rain::bench
