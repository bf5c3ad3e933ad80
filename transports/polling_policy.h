// PollingPolicy: whether a loop looks for input a while before it sleeps: only while that has lately paid off.
#pragma once

#include <algorithm>

namespace rain {

// Thread: loop.
class PollingPolicy {
 public:
  bool ShouldPoll() const { return credit_ > 0; }
  // Looking found something before the time for it was over.
  void OnPollingPaid() { credit_ = std::min(credit_ + 1, kMaxCredit); }
  void OnPollingInVain() { credit_ = std::max(credit_ - 1, 0); }
  // Sleeping ended so early that looking would have found it.
  void OnShortSleep() { credit_ = std::min(credit_ + 1, kMaxCredit); }

 private:
  static constexpr int kMaxCredit = 16;  // turns looked for in vain until the loop sleeps at once again
  int credit_ = 0;
};

}  // namespace rain
