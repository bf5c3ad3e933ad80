// What the yardsticks do with messages that go one way, wherever the bytes come from and go to. Their numbers count from 1; the
// number 0 asks for a receipt of what came before it.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/bench/calls.h"
#include "listenrain/bench/meter.h"
#include "listenrain/bench/raw_wire.h"
#include "listenrain/bench/receipt.h"

namespace rain::bench {

// The server's part. Thread: one at a time.
class RawCounter {
 public:
  // Counts the complete messages, and answers what asks for a receipt. Errors: DATA_LOSS for a message that is not the next; the
  // reader's or the sink's.
  absl::Status Turn(RawReader& reader, RawWriter& writer);

 private:
  uint64_t messages_ = 0;
};

// The client's part, whose reader reads receipts. Thread: one at a time.
class RawPoster {
 public:
  // Both are borrowed; the meter has been started.
  RawPoster(const PayloadPattern& pattern, Meter& meter) : pattern_(pattern), meter_(meter) {}

  // Takes the receipts that came, and posts until the sink is full or the measured time is over. Errors: the reader's or the
  // sink's.
  absl::Status Turn(RawReader& reader, RawWriter& writer);
  // The last receipt came.
  bool done() const { return last_.has_value(); }
  // Once done. Errors: DATA_LOSS if the receiver did not get all.
  absl::StatusOr<Flow> Finish() const;

 private:
  absl::Status TakeReceipts(RawReader& reader);
  absl::Status PostSome(RawWriter& writer);
  absl::Status AskForReceipt(RawWriter& writer);

  const PayloadPattern& pattern_;
  Meter& meter_;
  uint64_t posted_ = 0;
  uint64_t posted_when_asked_ = 0;
  int asked_ = 0;  // for the first receipt, and the last
  std::optional<Receipt> first_;
  std::optional<Receipt> last_;
};

}  // namespace rain::bench
