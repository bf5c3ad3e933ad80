#include "listenrain/framework/helm.h"

#include <chrono>

#include "listenrain/framework/clock.h"

namespace rain {
namespace {

// For which nobody drives after a call: a thread that calls again and again is back within it.
constexpr std::chrono::microseconds kMoment(100);
// How many calls that find nobody waiting it takes until one drives again, after too many have waited.
constexpr int kCallsAfterCrowd = 1000;  // each try costs all of them

}  // namespace

bool Helm::Take(Caller& caller) {
  MutexLock lock(mutex_);
  const bool alone = lends() && driver_ == nullptr && first_ == nullptr;
  if (alone && crowded_calls_ > 0) --crowded_calls_;
  if (alone && crowded_calls_ == 0) {
    driver_ = &caller;
    ++taken_;
    summoned_ = false;  // it does what there is to do
    lent_.store(true);
    return true;
  }
  caller.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &caller;
  first_ = &caller;
  return false;
}

bool Helm::Wait(Caller& caller) {
  if ((caller.parking_.Await(Caller::kTold | Caller::kIsUp) & Caller::kTold) == 0) return true;
  Leave(caller);
  return false;
}

void Helm::Leave(Caller& caller) {
  MutexLock lock(mutex_);
  if (driver_ != &caller) return Forget(caller);
  driver_ = nullptr;
  PassOn();
}

void Helm::Forget(Caller& caller) {
  (caller.previous_ == nullptr ? first_ : caller.previous_->next_) = caller.next_;
  if (caller.next_ != nullptr) caller.next_->previous_ = caller.previous_;
}

void Helm::PassOn() {
  if (first_ == nullptr) {
    if (sleeps_) changed_.SignalOne();  // else it looks by itself, soon
    return;
  }
  if (first_->next_ != nullptr || !lends()) {
    crowded_calls_ = kCallsAfterCrowd;
    summoned_ = true;
    changed_.SignalOne();
    return;
  }
  Caller& next = *first_;
  Forget(next);
  driver_ = &next;
  ++taken_;
  lent_.store(true);
  next.parking_.Put(Caller::kIsUp);
}

bool Helm::QuietMoment() {
  const uint64_t taken = taken_;
  const auto now = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(SystemClock().Now().nanoseconds));
  changed_.WaitUntil(mutex_, now + kMoment);
  return taken == taken_;
}

void Helm::AwaitOwn() {
  if (!lent_.load()) return;
  MutexLock lock(mutex_);
  while (!summoned_) {
    if (!QuietMoment() || summoned_) continue;
    if (driver_ == nullptr) break;
    // A caller waits for long: who leaves the helm then, signals.
    sleeps_ = true;
    while (driver_ != nullptr && !summoned_) changed_.Wait(mutex_);
    sleeps_ = false;
  }
  summoned_ = false;
  lent_.store(false);
}

void Helm::Summon() {
  if (!lent_.load()) return;
  MutexLock lock(mutex_);
  if (driver_ != nullptr || summoned_) return;
  summoned_ = true;
  changed_.SignalOne();
}

}  // namespace rain
