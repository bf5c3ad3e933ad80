#include "listenrain/testing/interleaving_search.h"

#include <bit>
#include <utility>

namespace rain {
namespace {

size_t Lowest(ThreadMask threads) { return static_cast<size_t>(std::countr_zero(threads)); }

// The current one, where it can: threads go on as long as nothing is said against it.
size_t Prefer(size_t current, ThreadMask able) {
  return current != InterleavingSearch::kNobody && (able & MaskOf(current)) != 0 ? current : Lowest(able);
}

}  // namespace

bool InterleavingSearch::Sleeper::Meets(const std::vector<Touched>& others) const {
  for (const Touched& mine : touched) {
    for (const Touched& other : others) {
      const bool same = std::min(mine.object, known) == std::min(other.object, known);
      if (same && (mine.writes || other.writes)) return true;
    }
  }
  return false;
}

ThreadMask InterleavingSearch::Moment::Asleep() const {
  ThreadMask mask = 0;
  for (const Sleeper& sleeper : asleep) mask |= MaskOf(sleeper.thread);
  return mask;
}

void InterleavingSearch::Begin() {
  depth_ = 0;
  redundant_ = false;
  touched_.clear();
}

size_t InterleavingSearch::Choose(ThreadMask able, size_t current, uint32_t known) {
  if (redundant_) return Prefer(current, able);
  if (depth_ > 0) trail_[depth_ - 1].touched = std::exchange(touched_, {});
  touched_.clear();
  if (depth_ == trail_.size()) return ChooseNew(able, current, known);
  if (trail_[depth_].able != able || trail_[depth_].known != known) return kNobody;
  return trail_[depth_++].chosen;
}

size_t InterleavingSearch::ChooseNew(ThreadMask able, size_t current, uint32_t known) {
  Moment moment{able, current};
  moment.known = known;
  if (reduce_ && depth_ > 0) {
    for (const Sleeper& sleeper : trail_.back().asleep) {
      if (!sleeper.Meets(trail_.back().touched)) moment.asleep.push_back(sleeper);
    }
  }
  const ThreadMask awake = able & ~moment.Asleep();
  if (awake == 0) {
    redundant_ = true;
    return Prefer(current, able);
  }
  moment.chosen = Prefer(current, awake);
  trail_.push_back(std::move(moment));
  return trail_[depth_++].chosen;
}

// At the last moment: who cannot be chosen without one preemption too many.
ThreadMask InterleavingSearch::TooMany() const {
  if (!max_preemptions_.has_value()) return 0;
  const auto before =
      std::count_if(trail_.begin(), trail_.end() - 1, [](const Moment& each) { return each.Preempts(each.chosen); });
  if (static_cast<size_t>(before) < *max_preemptions_) return 0;
  const Moment& last = trail_.back();
  return last.before != kNobody && (last.able & MaskOf(last.before)) != 0 ? ~MaskOf(last.before) : 0;
}

bool InterleavingSearch::Advance() {
  if (!redundant_ && depth_ > 0) trail_[depth_ - 1].touched = std::exchange(touched_, {});
  for (; !trail_.empty(); trail_.pop_back()) {
    Moment& last = trail_.back();
    last.asleep.push_back({last.chosen, last.known, std::move(last.touched)});
    const ThreadMask left = last.able & ~last.Asleep() & ~TooMany();
    if (left == 0) continue;
    last.chosen = Lowest(left);
    return true;
  }
  return false;
}

}  // namespace rain
