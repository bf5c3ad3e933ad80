// What the yardsticks do with calls, wherever the bytes come from and go to.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "listenrain/bench/calls.h"
#include "listenrain/bench/raw_wire.h"
#include "listenrain/framework/clock.h"

namespace rain::bench {

// The server's part of a turn: a reply to each complete request. Errors: the reader's or the sink's.
absl::Status AnswerAll(RawReader& reader, RawWriter& writer);

// The client's part: the calls of one connection, which are those in some of the slots. Thread: one at a time.
class RawCaller {
 public:
  // `calls` is borrowed. The slots are `slots` of them from `first` on.
  RawCaller(Calls& calls, size_t first, size_t slots) : calls_(calls), first_(first), slots_(slots) {}

  // All of the calls at once. Errors: the sink's.
  absl::Status Start(RawWriter& writer, Instant now);
  // Each complete reply ends its call and, if it `goes_on`, begins another. Errors: DATA_LOSS for a wrong reply; the sink's.
  absl::Status Turn(RawReader& reader, RawWriter& writer, Instant now, bool goes_on);

 private:
  absl::Status Request(size_t slot, RawWriter& writer, Instant now);

  Calls& calls_;
  const size_t first_;
  const size_t slots_;
};

}  // namespace rain::bench
