#include "listenrain/bench/raw_ring.h"

#include <bit>
#include <thread>

#include "listenrain/framework/clock.h"

namespace rain::bench {
namespace {

// A few microseconds: a reader whose writer runs on the other core has its answer sooner, and one that shares its core with the
// writer gives it up then.
constexpr int kLooksBeforeYield = 64;
constexpr int kLooksBetweenClocks = 16;

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

RawRing::RawRing(size_t most, size_t payload_bytes, absl::Duration poll)
    : payload_bytes_(payload_bytes),
      copies_(payload_bytes <= kCopiedBytes),
      poll_(poll),
      lines_per_slot_((sizeof(Head) + (copies_ ? payload_bytes : sizeof(const char*)) + kLineBytes - 1) / kLineBytes),
      mask_(std::bit_ceil(most + 1) - 1),
      lines_((mask_ + 1) * lines_per_slot_) {}

void RawRing::End() {
  Put({});
  Publish();
}

bool RawRing::Await() {
  if (ended_) return false;
  if (!Look() && !Spin()) Sleep();
  ended_ = HeadAt(read_).number == 0;
  return !ended_;
}

bool RawRing::Spin() {
  if (poll_ <= absl::ZeroDuration()) return false;
  const Instant until = SystemClock().Now() + poll_;
  for (int looks = 1; !Look(); ++looks) {
    if (looks % kLooksBetweenClocks == 0 && SystemClock().Now() >= until) return false;
    looks < kLooksBeforeYield ? Pause() : std::this_thread::yield();
  }
  return true;
}

// Either the reader sees what was published before it sleeps, or the writer sees that it sleeps: both orders are of all.
void RawRing::Sleep() {
  while (!Look()) {
    sleeping_.store(1, std::memory_order_seq_cst);
    if (published_.load(std::memory_order_seq_cst) == read_) sleeping_.wait(1, std::memory_order_seq_cst);
    sleeping_.store(0, std::memory_order_relaxed);
  }
}

void RawRing::Wake() {
  if (sleeping_.exchange(0, std::memory_order_seq_cst) != 0) sleeping_.notify_one();
}

}  // namespace rain::bench
