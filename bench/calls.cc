#include "listenrain/bench/calls.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"

namespace rain::bench {

PayloadPattern::PayloadPattern(size_t payload_bytes)
    : size_(payload_bytes), sequence_(payload_bytes + (size_t{1} << (64 - kShift))) {
  std::mt19937_64 random(1);
  std::generate(sequence_.begin(), sequence_.end(), [&random] { return static_cast<char>(random() & 0xff); });
}

absl::Status Calls::Unknown(uint64_t number) {
  return absl::DataLossError(absl::StrCat("a reply to call ", number, ", which is not in flight"));
}

absl::Status Calls::Wrong(uint64_t number, absl::Span<const char> payload) const {
  const absl::Span<const char> sent = pattern_.Of(number);
  if (payload.size() != sent.size()) {
    return absl::DataLossError(
        absl::StrCat("the reply to call ", number, " has ", payload.size(), " bytes instead of ", sent.size()));
  }
  const auto at = std::mismatch(sent.begin(), sent.end(), payload.begin()).first - sent.begin();
  return absl::DataLossError(absl::StrCat("the reply to call ", number, " is wrong at byte ", at));
}

}  // namespace rain::bench
