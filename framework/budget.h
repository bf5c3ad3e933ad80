// Budget: bytes and packets that one transport may hold for its callers, charged before they are queued.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/atomic.h"

namespace rain {

// Who is told of room.
class BudgetEvents {
 public:
  // Once for each Await, by the next thread that releases something. Thread: any.
  virtual void OnRoom() = 0;

 protected:
  ~BudgetEvents() = default;
};

// Thread: any. Sequentially consistent where room is given and awaited: who looks for room after Await either finds it, or is
// told.
class Budget {
 public:
  // `events` are borrowed.
  Budget(size_t max_bytes, size_t max_packets, BudgetEvents& events)
      : max_bytes_(max_bytes), max_packets_(max_packets), events_(events) {}

  // Charges one packet of `bytes`. Errors: RESOURCE_EXHAUSTED if it does not fit, or others wait for room; nothing is charged
  // then.
  absl::Status Charge(size_t bytes) {
    if (const size_t before = waiting(); before > 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the transport's queue is full, and ", before, " requests wait for room: wait too, or use WhenRoom"));
    }
    const size_t packets = packets_.fetch_add(1) + 1;
    const size_t total = bytes_.fetch_add(bytes) + bytes;
    if (packets <= max_packets_ && total <= max_bytes_) return absl::OkStatus();
    Release(bytes);
    return absl::ResourceExhaustedError(absl::StrCat(
        "the transport's queue is full: ", packets - 1, " packets and ", total - bytes, " bytes wait, limits are ", max_packets_,
        " and ", max_bytes_, ": wait for room or outcomes, or raise limits.max_queued_bytes and max_queued_packets"));
  }
  // For what was accepted before, and is queued again.
  void ChargeAgain(size_t bytes) {
    packets_.fetch_add(1);
    bytes_.fetch_add(bytes);
  }
  // What any of them took.
  void Release(size_t bytes) {
    GiveBack(bytes);
    TellIfAwaited();
  }

  // A packet waits for room from now on; none that comes later is charged before it. False if no room would do.
  bool BeginWaiting(size_t bytes) {
    if (bytes > max_bytes_ || max_packets_ == 0) return false;
    waiting_.fetch_add(1);
    return true;
  }
  // It gives up.
  void EndWaiting() {
    waiting_.fetch_sub(1);
    TellIfAwaited();
  }
  // It is charged, and waits no more. False if there is no room yet.
  bool ChargeWaiting(size_t bytes) {
    ChargeAgain(bytes);
    const bool fits = packets_.load() <= max_packets_ && bytes_.load() <= max_bytes_;
    fits ? void(waiting_.fetch_sub(1)) : GiveBack(bytes);
    return fits;
  }
  // True if no more than half of either limit is charged, and nobody waits.
  bool half_free() const {
    return waiting_.load() == 0 && bytes_.load() <= max_bytes_ / 2 && packets_.load() <= max_packets_ / 2;
  }
  void Await() { awaited_.store(true); }

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  size_t packets() const { return packets_.load(std::memory_order_relaxed); }
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  void GiveBack(size_t bytes) {
    bytes_.fetch_sub(bytes);
    packets_.fetch_sub(1);
  }
  void TellIfAwaited() {
    if (awaited_.load() && awaited_.exchange(false)) events_.OnRoom();
  }

  const size_t max_bytes_;
  const size_t max_packets_;
  BudgetEvents& events_;
  Atomic<size_t> bytes_{0};
  Atomic<size_t> packets_{0};
  Atomic<size_t> waiting_{0};
  Atomic<bool> awaited_{false};
};

}  // namespace rain
