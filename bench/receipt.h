// Receipt: what a receiver says it has got, and when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "listenrain/framework/clock.h"

namespace rain::bench {

// Both sides are one machine's, so it travels as it lies in memory.
struct Receipt {
  uint64_t messages = 0;  // one-way messages handled so far
  Instant when;           // on the receiver's clock
  uint64_t connections = 0;

  std::string Encode() const;
  // Errors: DATA_LOSS if it has another size.
  static absl::StatusOr<Receipt> Decode(absl::Span<const char> bytes);
};

// Messages that went one way, as their receiver counted them.
struct Flow {
  uint64_t messages = 0;
  absl::Duration took;

  // Between two receipts. Errors: FAILED_PRECONDITION if no message, or no time, is between them.
  static absl::StatusOr<Flow> Between(const Receipt& first, const Receipt& last);
};

// OK if the receiver got all that were sent. Errors: DATA_LOSS telling how many are missing, or were never sent.
absl::Status CheckAllCame(uint64_t sent, const Receipt& receipt);

}  // namespace rain::bench
