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

bool InterleavingSearch::Meet(const std::vector<Touched>& some, const std::vector<Touched>& others, uint32_t known) {
  for (const Touched& one : some) {
    for (const Touched& other : others) {
      const bool same = std::min(one.object, known) == std::min(other.object, known);
      if (same && (one.writes || other.writes)) return true;
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
  blocks_ = false;
}

void InterleavingSearch::Join(Clock& clock, const Clock& other) {
  for (size_t thread = 0; thread < kMaxThreads; ++thread) clock[thread] = std::max(clock[thread], other[thread]);
}

// What the last step touched is known.
void InterleavingSearch::EndStep() {
  const bool blocks = std::exchange(blocks_, false);
  if (depth_ == 0 || depth_ <= raced_) return touched_.clear();
  trail_[depth_ - 1].touched = std::exchange(touched_, {});
  trail_[depth_ - 1].blocks = blocks;
  if (reduce_) Race(depth_ - 1);
  raced_ = depth_;
}

// Finds the steps that this one meets and that are no reason for its thread's coming here. At each of these, somebody has to be
// tried who leads to this step without it. (Where this thread could not go on, somebody had to let it, as who unlocks does: then
// anybody has to be tried, and the race is with what came before, too.)
void InterleavingSearch::Race(size_t at) {
  Moment& step = trail_[at];
  Clock before = {};  // of the thread, when it came to this step
  for (size_t i = at; i-- > 0;) {
    if (trail_[i].chosen != step.chosen) continue;
    before = trail_[i].clock;
    break;
  }
  step.clock = before;
  std::vector<size_t> met;
  for (size_t i = at; i-- > 0;) {
    const Moment& other = trail_[i];
    if (other.chosen == step.chosen || !Meet(other.touched, step.touched, UINT32_MAX)) continue;
    for (size_t thread = 0; thread < kMaxThreads; ++thread)
      step.clock[thread] = std::max(step.clock[thread], other.clock[thread]);
    if (before[other.chosen] <= i) met.push_back(i);
  }
  step.clock[step.chosen] = static_cast<uint32_t>(at + 1);
  std::vector<size_t> raced;
  for (const size_t i : met) {
    if (std::any_of(raced.begin(), raced.end(), [&](size_t later) { return Leads(i, later); })) continue;
    Moment& other = trail_[i];
    if ((other.able & MaskOf(step.chosen)) == 0) {
      other.to_try |= other.able;
      continue;
    }
    if (!step.blocks) raced.push_back(i);
    const ThreadMask first = FirstWithout(i, at, before);
    if (first != 0 && (first & other.to_try) == 0) other.to_try |= MaskOf(Prefer(step.chosen, first));
  }
}

// True if one step is a reason for the other, which is later.
bool InterleavingSearch::Leads(size_t earlier, size_t later) const {
  return trail_[later].clock[trail_[earlier].chosen] > earlier;
}

// Who may do the first of the steps that lead to the one `at`, but do not follow from the one at `skipped`. That one itself does
// not follow here from what let it go on there.
ThreadMask InterleavingSearch::FirstWithout(size_t skipped, size_t at, const Clock& before) const {
  std::vector<size_t> left;
  Clock reasons = before;  // of the one `at`, among what is left
  ThreadMask seen = 0;
  ThreadMask first = 0;
  for (size_t i = skipped + 1; i < at; ++i) {
    if (Leads(skipped, i)) continue;
    const ThreadMask thread = MaskOf(trail_[i].chosen);
    if ((seen & thread) == 0 && std::none_of(left.begin(), left.end(), [&](size_t each) { return Leads(each, i); }))
      first |= thread;
    seen |= thread;
    left.push_back(i);
    if (Meet(trail_[i].touched, trail_[at].touched, UINT32_MAX)) Join(reasons, trail_[i].clock);
  }
  const ThreadMask thread = MaskOf(trail_[at].chosen);
  const auto leads = [&](size_t each) { return reasons[trail_[each].chosen] > each; };
  if ((seen & thread) == 0 && std::none_of(left.begin(), left.end(), leads)) first |= thread;
  return first & trail_[skipped].able;
}

size_t InterleavingSearch::Choose(ThreadMask able, size_t current, uint32_t known) {
  EndStep();
  if (depth_ == trail_.size()) return ChooseNew(able, current, known);
  if (trail_[depth_].able != able || trail_[depth_].known != known) return kNobody;
  return trail_[depth_++].chosen;
}

size_t InterleavingSearch::ChooseNew(ThreadMask able, size_t current, uint32_t known) {
  Moment moment{able, current};
  moment.known = known;
  if (reduce_ && depth_ > 0) {
    for (const Sleeper& sleeper : trail_.back().asleep) {
      if (!Meet(sleeper.touched, trail_.back().touched, sleeper.known)) moment.asleep.push_back(sleeper);
    }
  }
  const ThreadMask awake = able & ~moment.Asleep();
  redundant_ |= awake == 0;
  moment.redundant = redundant_;
  moment.chosen = Prefer(current, redundant_ ? able : awake);
  moment.to_try = reduce_ ? MaskOf(moment.chosen) : able;
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
  EndStep();
  for (; !trail_.empty(); trail_.pop_back()) {
    Moment& last = trail_.back();
    if (last.redundant) continue;
    last.asleep.push_back({last.chosen, last.known, std::move(last.touched)});
    const ThreadMask left = last.to_try & ~last.Asleep() & ~TooMany();
    if (left == 0) continue;
    last.chosen = Lowest(left);
    raced_ = trail_.size() - 1;
    return true;
  }
  return false;
}

}  // namespace rain
