#include "listenrain/bench/histogram.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace rain::bench {

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  max_ = std::max(max_, other.max_);
}

uint64_t Histogram::Quantile(double fraction) const {
  assert(fraction >= 0 && fraction <= 1);
  if (total_ == 0) return 0;
  const auto rank = std::clamp<uint64_t>(static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(total_))), 1, total_);
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) return std::min(LastOf(bucket), max_);
  }
  return max_;
}

uint64_t Histogram::LastOf(size_t bucket) {
  if (bucket < kExactBelow) return bucket;
  const size_t shift = bucket / kSub - 1;
  const uint64_t leading = bucket - shift * kSub;
  return (leading << shift) + ((uint64_t{1} << shift) - 1);
}

}  // namespace rain::bench
