// Histogram: how often each latency was seen, in buckets whose width grows with the value, so that memory is fixed and every
// quantile is known to better than one percent.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rain::bench {

// Values are counts of any unit. Thread: one at a time.
class Histogram {
 public:
  // Values below this are kept exactly; larger ones lose what lies below their eight leading bits.
  static constexpr uint64_t kExactBelow = 256;

  void Record(uint64_t value, uint64_t times = 1) {
    counts_[BucketOf(value)] += times;
    total_ += times;
    if (value > max_) max_ = value;
  }
  void Merge(const Histogram& other);

  uint64_t count() const { return total_; }
  uint64_t max() const { return max_; }
  // The least recorded value (rounded up to its bucket's end) that at least the given fraction of all are no larger than.
  // 0 when empty. `fraction` is within [0, 1].
  uint64_t Quantile(double fraction) const;

 private:
  static constexpr size_t kSubBits = std::countr_zero(kExactBelow) - 1;  // each power of two is cut into 2^kSubBits buckets
  static constexpr size_t kSub = size_t{1} << kSubBits;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) * kSub;

  static size_t BucketOf(uint64_t value) {
    const size_t shift = value < kExactBelow ? 0 : static_cast<size_t>(std::bit_width(value)) - kSubBits - 1;
    return shift * kSub + static_cast<size_t>(value >> shift);
  }
  static uint64_t LastOf(size_t bucket);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

}  // namespace rain::bench
