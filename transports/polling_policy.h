// PollingPolicy: whether a loop looks for input a while before it sleeps: only while that has lately paid off; and how often it
// offers the core to other threads meanwhile.
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
  // After so many looks. An offer takes as long as some looks, so they are rare while nobody takes them.
  bool ShouldOfferCore(int looks) const {
    return looks % (offers_in_vain_ < kManyOffers ? kLooksBetweenOffers : kLooksBetweenRareOffers) == 0;
  }
  void OnCoreOffered(bool taken) { offers_in_vain_ = taken ? 0 : std::min(offers_in_vain_ + 1, kManyOffers); }
  // Sleeping ended so early that looking might have found it.
  void OnShortSleep() {
    if (credit_ == 0 && --short_sleeps_left_ <= 0) credit_ = 1;
  }

 private:
  static constexpr int kMaxCredit = 16;  // turns looked for in vain until the loop sleeps at once again
  static constexpr int kMaxPause = 64;
  static constexpr int kManyOffers = 16;
  static constexpr int kLooksBetweenOffers = 4;
  static constexpr int kLooksBetweenRareOffers = 64;

  void Pause() {
    credit_ = 0;
    short_sleeps_left_ = pause_;
    pause_ = std::min(pause_ * 2, kMaxPause);
  }

  int credit_ = 0;
  int pause_ = 1;              // short sleeps before the next try, should it be in vain again
  int short_sleeps_left_ = 1;  // until that try
  int offers_in_vain_ = 0;     // since somebody took the core
};

}  // namespace rain
