// Countdown: what happens once several loops have done their part.
#pragma once

#include <cstddef>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/ref.h"

namespace rain {

// Thread: any. Shared by those who do the parts.
class Countdown final : public RefCounted {
 public:
  // `over` is called by whoever does the last of `parts`, at least one.
  Countdown(size_t parts, absl::AnyInvocable<void() &&> over) : left_(parts), over_(std::move(over)) {}

  // One part is done. What was done before it is seen by `over`.
  void Down() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) std::exchange(over_, nullptr)();
  }

 private:
  Atomic<size_t> left_;
  absl::AnyInvocable<void() &&> over_;
};

}  // namespace rain
