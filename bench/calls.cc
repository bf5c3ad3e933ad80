#include "listenrain/bench/calls.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain::bench {

PayloadPattern::PayloadPattern(size_t payload_bytes, bool one_for_all) : size_(payload_bytes), one_for_all_(one_for_all) {
  std::string sequence(payload_bytes + (one_for_all ? 0 : size_t{1} << (64 - kShift)), '\0');
  std::mt19937_64 random(1);
  std::generate(sequence.begin(), sequence.end(), [&random] { return static_cast<char>(random() & 0xff); });
  sequence_ = Buffer::Adopt(std::move(sequence));
}

absl::Status Calls::Unknown(uint64_t number) {
  return absl::DataLossError(absl::StrCat("a reply to call ", number, ", which is not in flight"));
}

absl::Status Calls::Wrong(uint64_t number, absl::Span<const absl::Span<const char>> pieces) const {
  const absl::Span<const char> sent = pattern_.Of(number);
  size_t size = 0, right = 0;
  for (absl::Span<const char> piece : pieces) {
    for (size_t i = 0; i < piece.size(); ++i) {
      const size_t at = size + i;
      if (right == at && at < sent.size() && piece[i] == sent[at]) ++right;
    }
    size += piece.size();
  }
  return absl::DataLossError(absl::StrCat("the reply to call ", number, " has ", size, " bytes, of which the first ", right,
                                          " are right; ", sent.size(), " were sent"));
}

}  // namespace rain::bench
