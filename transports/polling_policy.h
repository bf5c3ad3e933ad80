// PollingPolicy: whether a loop looks for input a while before it sleeps: only while that has lately paid off.
#pragma once

#include <algorithm>

namespace rain {

// Looking costs the core, sleeping the time that an idle core needs to wake. So a loop that sleeps only shortly tries to look;
// while that finds something it goes on; and what was tried in vain is tried again after twice as many short sleeps as before.
// Thread: loop.
class PollingPolicy {
 public:
  bool ShouldPoll() const { return credit_ > 0; }
  // Looking found something before the time for it was over.
  void OnPollingPaid() {
    credit_ = std::min(credit_ + 1, kMaxCredit);
    pause_ = 1;
  }
  void OnPollingInVain() {
    if (--credit_ <= 0) Pause();
  }
  // Another thread needs this core: what is looked for cannot come before that has run.
  void OnCrowded() { Pause(); }
  // Sleeping ended so early that looking might have found it.
  void OnShortSleep() {
    if (credit_ == 0 && --short_sleeps_left_ <= 0) credit_ = 1;
  }

 private:
  static constexpr int kMaxCredit = 16;  // turns looked for in vain until the loop sleeps at once again
  static constexpr int kMaxPause = 64;

  void Pause() {
    credit_ = 0;
    short_sleeps_left_ = pause_;
    pause_ = std::min(pause_ * 2, kMaxPause);
  }

  int credit_ = 0;
  int pause_ = 1;              // short sleeps before the next try, should it be in vain again
  int short_sleeps_left_ = 1;  // until that try
};

}  // namespace rain
