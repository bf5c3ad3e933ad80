#include "listenrain/testing/interleaving_model.h"

namespace rain {
namespace {

const char* NameOf(Stand stand, Access access) {
  if (stand == Stand::wait) return "is through waiting for";
  switch (access) {
    case Access::load:
      return "loads";
    case Access::store:
      return "stores";
    case Access::exchange:
      return "exchanges";
    case Access::lock:
      return "locks";
    case Access::wait:
      return "begins to wait for";
    case Access::signal:
      return "signals";
  }
  return "?";
}

}  // namespace

// By the order in which they are first seen: the same whenever the same steps led there, wherever the objects lie.
uint32_t InterleavingModel::NumberOf(const void* object) {
  const auto [at, is_new] = numbers_.emplace(object, known_);
  if (is_new) ++known_;
  return at->second;
}

void InterleavingModel::Arrive(size_t thread, Stand stand, Access access, const void* object, Place place) {
  at_[thread] = {stand, access, object, NumberOf(object), place, nullptr, Time::max()};
}

void InterleavingModel::ArriveAtWait(size_t thread, const void* condition, const void* mutex, Time deadline, Place place) {
  Unlock(mutex);
  at_[thread] = {Stand::wait, Access::wait, condition, NumberOf(condition), place, mutex, deadline};
}

bool InterleavingModel::Do(size_t thread) {
  const PendingStep& at = at_[thread];
  search_.Touch(at.number, at.access != Access::load);
  if (at.stand != Stand::step) search_.Blocks();
  if (at.stand == Stand::lock) locked_.insert(at.object);
  if (at.stand == Stand::wait) {
    TakeSignal(thread);
    locked_.insert(at.mutex);
    Touch(at.mutex, true);
    if (at.deadline != Time::max()) Touch(&now_, false);
  }
  return destroyed_.count(at.object) == 0;
}

void InterleavingModel::Unlock(const void* mutex) {
  locked_.erase(mutex);
  Touch(mutex, true);
}

void InterleavingModel::Signal(const void* condition, bool all) {
  ThreadMask waiting = 0;
  for (size_t i = 0; i < threads_; ++i) {
    if (at_[i].stand == Stand::wait && at_[i].object == condition) waiting |= MaskOf(i);
  }
  std::vector<ThreadMask>& signals = signals_[condition];
  if (!all) {
    if (waiting != 0) signals.push_back(waiting);
    return;
  }
  signals.clear();
  for (size_t i = 0; i < threads_; ++i) {
    if ((waiting & MaskOf(i)) != 0) signals.push_back(MaskOf(i));
  }
}

void InterleavingModel::Destroy(const void* object) {
  Touch(object, true);
  numbers_.erase(object);
  destroyed_.insert(object);
}

bool InterleavingModel::IsSignalled(size_t thread) const {
  const auto found = signals_.find(at_[thread].object);
  return found != signals_.end() && std::any_of(found->second.begin(), found->second.end(),
                                                [&](ThreadMask signal) { return (signal & MaskOf(thread)) != 0; });
}

// It waits no more: one signal that it may have is its own, and no other is for it.
void InterleavingModel::TakeSignal(size_t thread) {
  std::vector<ThreadMask>& signals = signals_[at_[thread].object];
  const auto own =
      std::find_if(signals.begin(), signals.end(), [&](ThreadMask signal) { return (signal & MaskOf(thread)) != 0; });
  if (own != signals.end()) signals.erase(own);
  for (ThreadMask& signal : signals) signal &= ~MaskOf(thread);
  std::erase(signals, ThreadMask{0});
}

bool InterleavingModel::IsAble(size_t thread) const {
  const PendingStep& at = at_[thread];
  switch (at.stand) {
    case Stand::begin:
    case Stand::step:
      return true;
    case Stand::lock:
      return locked_.count(at.object) == 0;
    case Stand::wait:
      return locked_.count(at.mutex) == 0 && (IsSignalled(thread) || at.deadline <= now_);
    case Stand::end:
      return false;
  }
  return false;
}

ThreadMask InterleavingModel::Able() {
  for (;;) {
    ThreadMask able = 0;
    for (size_t i = 0; i < threads_; ++i) able |= IsAble(i) ? MaskOf(i) : 0;
    if (able != 0 || !LetTimePass()) return able;
  }
}

// To the next deadline, if there is one.
bool InterleavingModel::LetTimePass() {
  Time next = Time::max();
  for (size_t i = 0; i < threads_; ++i) {
    if (at_[i].stand == Stand::wait && at_[i].deadline > now_) next = std::min(next, at_[i].deadline);
  }
  if (next == Time::max()) return false;
  now_ = next;
  return true;
}

bool InterleavingModel::all_ended() const {
  return std::all_of(at_.begin(), at_.begin() + static_cast<ptrdiff_t>(threads_),
                     [](const PendingStep& at) { return at.stand == Stand::end; });
}

std::string PendingStep::Describe() const {
  return std::string(NameOf(stand, access)) + " object " + std::to_string(number) + ", at " + place.file + ":" +
         std::to_string(place.line);
}

}  // namespace rain
