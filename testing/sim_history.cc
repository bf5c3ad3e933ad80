#include "listenrain/testing/sim_history.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rain {

void SimHistory::Mix(absl::string_view text) {
  for (const char c : text) hash_ = (hash_ ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  hash_ = (hash_ ^ 0xff) * 0x100000001b3;  // where it ends
}

void SimHistory::Note(absl::string_view where, absl::string_view what) {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t now = clock_.Now().nanoseconds;
  ++size_;
  Mix(absl::StrCat(now));
  Mix(where);
  Mix(what);
  if (keeps_lines_) lines_.push_back(absl::StrFormat("%d.%09d %s %s", now / kSecond, now % kSecond, where, what));
}

}  // namespace rain
