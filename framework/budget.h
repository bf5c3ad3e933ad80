// Budget: bytes and packets that one transport may hold for its callers, charged before they are queued.
#pragma once

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rain {

// Thread: any.
class Budget {
 public:
  Budget(size_t max_bytes, size_t max_packets) : max_bytes_(max_bytes), max_packets_(max_packets) {}

  // Charges one packet of `bytes`. Errors: RESOURCE_EXHAUSTED if it does not fit; nothing is charged then.
  absl::Status Charge(size_t bytes) {
    const size_t packets = packets_.fetch_add(1, std::memory_order_relaxed) + 1;
    const size_t total = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (packets <= max_packets_ && total <= max_bytes_) return absl::OkStatus();
    Release(bytes);
    return absl::ResourceExhaustedError(absl::StrCat(
        "the transport's queue is full: ", packets - 1, " packets and ", total - bytes, " bytes wait, limits are ", max_packets_,
        " and ", max_bytes_, ": wait for outcomes, or raise limits.max_queued_bytes and max_queued_packets"));
  }
  // For what was accepted before, and is queued again.
  void ChargeAgain(size_t bytes) {
    packets_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  // What either took.
  void Release(size_t bytes) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    packets_.fetch_sub(1, std::memory_order_relaxed);
  }

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  size_t packets() const { return packets_.load(std::memory_order_relaxed); }

 private:
  const size_t max_bytes_;
  const size_t max_packets_;
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> packets_{0};
};

}  // namespace rain
