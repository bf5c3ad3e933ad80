// Parking: where one thread sleeps until others have something for it.
#pragma once

#include <atomic>
#include <cstdint>

#ifdef RAIN_INTERLEAVED
#include "listenrain/framework/interleaved.h"
#endif

namespace rain {

#ifdef RAIN_INTERLEAVED
using interleaved::Parking;
#else
// What there is for the thread is told in bits, whose meaning is its own affair. A wake-up costs no lock that the one who wakes
// would still hold.
class Parking {
 public:
  // Thread: any. This may be gone when it returns.
  void Put(uint32_t bits) {
    std::atomic<uint32_t>& bits_here = bits_;
    bits_here.fetch_or(bits, std::memory_order_acq_rel);
    bits_here.notify_one();  // of the address alone
  }
  uint32_t bits() const { return bits_.load(std::memory_order_acquire); }
  // Sleeps until one of `wanted` is there, and tells all that are. Thread: one.
  uint32_t Await(uint32_t wanted) const {
    for (;;) {
      const uint32_t there = bits();
      if ((there & wanted) != 0) return there;
      bits_.wait(there, std::memory_order_acquire);
    }
  }

 private:
  std::atomic<uint32_t> bits_{0};
};
#endif

}  // namespace rain
