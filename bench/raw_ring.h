// RawRing: messages from one thread to another of the same process, as one would write it by hand: slots in a ring, told a batch
// at a time, to a reader that spins before it sleeps.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "listenrain/bench/raw_wire.h"

namespace rain::bench {

// It has room for all that is ever in flight, so the reader need not tell what it has read, and the writer waits for nothing.
// What both threads touch lies in cache lines of its own. Thread: one for the writer's methods, one for the reader's.
class RawRing {
 public:
  static constexpr size_t kCopiedBytes = 4 << 10;  // larger payloads are passed by reference
  static constexpr size_t kBatch = 16;             // so many are told at the latest: the reader works on them meanwhile

  // For `most` messages of `payload_bytes` each that are appended and not yet done with, and the end. The reader spins for
  // `poll`.
  RawRing(size_t most, size_t payload_bytes, absl::Duration poll);
  RawRing(const RawRing&) = delete;
  RawRing& operator=(const RawRing&) = delete;

  // The writer's. The number is not 0; the payload has the ring's size and, where it is passed by reference, outlives its
  // reading.
  void Append(const RawPacket& packet) {
    assert(packet.number != 0 && packet.payload.size() == payload_bytes_);
    Put(packet);
    if (appended_ - told_ == kBatch) Publish();
  }
  // Tells what was appended, and wakes the reader if it sleeps.
  void Publish() {
    if (told_ == appended_) return;
    told_ = appended_;
    published_.store(told_, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst) != 0) Wake();
  }
  // Nothing comes after this.
  void End();

  // The reader's. Blocks until there is something to read. False: the writer has ended.
  bool Await();
  // False if nothing is left of what Await saw, or the writer has ended. What was given before stays readable: it is done with
  // when the writer learns, by a message the other way, that it may have its slot again.
  bool Next(RawPacket& packet) {
    if (read_ == seen_) return false;
    const Head head = HeadAt(read_);
    ended_ = head.number == 0;
    if (ended_) return false;
    const char* const behind = SlotOf(read_++) + sizeof(head);
    const char* payload = behind;
    if (!copies_) std::memcpy(&payload, behind, sizeof(void*));
    packet = {head.number, {payload, head.payload_bytes}};
    return true;
  }

 private:
  static constexpr size_t kLineBytes = 64;
  struct alignas(kLineBytes) Line {
    char bytes[kLineBytes];
  };
  // Behind it lies the payload, or where that is.
  struct Head {
    uint64_t number = 0;  // 0: the end
    size_t payload_bytes = 0;
  };

  char* SlotOf(uint64_t count) { return lines_[(count & mask_) * lines_per_slot_].bytes; }
  Head HeadAt(uint64_t count) {
    Head head;
    std::memcpy(&head, SlotOf(count), sizeof(head));
    return head;
  }
  void Put(const RawPacket& packet) {
    char* const slot = SlotOf(appended_++);
    const Head head{packet.number, packet.payload.size()};
    const char* const payload = packet.payload.data();
    std::memcpy(slot, &head, sizeof(head));
    if (!copies_) std::memcpy(slot + sizeof(head), &payload, sizeof(payload));
    if (copies_ && head.payload_bytes > 0) std::memcpy(slot + sizeof(head), payload, head.payload_bytes);
  }
  bool Look() {
    seen_ = published_.load(std::memory_order_acquire);
    return read_ != seen_;
  }
  bool Spin();
  void Sleep();
  void Wake();

  // Constant, but for what the lines hold.
  const size_t payload_bytes_;
  const bool copies_;
  const absl::Duration poll_;
  const size_t lines_per_slot_;
  const uint64_t mask_;
  std::vector<Line> lines_;

  // Counts of messages since the beginning.
  alignas(kLineBytes) uint64_t appended_ = 0;  // the writer's
  uint64_t told_ = 0;
  alignas(kLineBytes) uint64_t read_ = 0;  // the reader's
  uint64_t seen_ = 0;
  bool ended_ = false;
  alignas(kLineBytes) std::atomic<uint64_t> published_{0};
  alignas(kLineBytes) std::atomic<uint32_t> sleeping_{0};  // 1: the reader sleeps, or is about to
};

}  // namespace rain::bench
