// InterleavingSearch: which schedules Explore runs: a depth-first search through the tree of choices of who goes on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace rain {

// Threads, as bits.
using ThreadMask = uint32_t;
inline ThreadMask MaskOf(size_t thread) { return ThreadMask{1} << thread; }

// Walks one schedule after another, each of which repeats the choices of the one before up to the last that leaves another.
//
// Reduced by sleep sets (Godefroid: "Partial-Order Methods for the Verification of Concurrent Systems", 1996): a thread whose
// next step was tried at a moment sleeps in what is tried there after it, until somebody touches what that step touches; of
// schedules that differ by the order of independent steps alone, only the first runs to its end as a new one.
class InterleavingSearch {
 public:
  static constexpr size_t kNobody = SIZE_MAX;

  InterleavingSearch(bool reduce, std::optional<size_t> max_preemptions)
      : reduce_(reduce && !max_preemptions.has_value()), max_preemptions_(max_preemptions) {}

  // A schedule begins.
  void Begin();
  // The step that runs touches an object, by number.
  void Touch(uint32_t object, bool writes) { touched_.push_back({object, writes}); }
  // Who does the next step: of those who are `able`, of whom there is one; `current` did the last one. So many objects are
  // `known`: the same numbers name the same ones whenever the same steps led here. Nobody: the schedule did not go as before.
  size_t Choose(ThreadMask able, size_t current, uint32_t known);
  // Of the schedule: the same as one that ran before, but for the order of independent steps.
  bool redundant() const { return redundant_; }
  // The schedule is over. False if it was the last one.
  bool Advance();

 private:
  struct Touched {
    uint32_t object;
    bool writes;
  };
  // A thread whose next step need not be done here.
  struct Sleeper {
    size_t thread;
    uint32_t known;  // objects from this number on were new when it was tried: each may be any of those that are new now
    std::vector<Touched> touched;

    bool Meets(const std::vector<Touched>& others) const;
  };
  // A moment at which somebody was chosen.
  struct Moment {
    ThreadMask able;
    size_t before;  // who did the step that led here
    size_t chosen = kNobody;
    uint32_t known = 0;
    std::vector<Touched> touched = {};  // by the chosen one's step
    std::vector<Sleeper> asleep = {};

    ThreadMask Asleep() const;
    bool Preempts(size_t choice) const { return before != kNobody && choice != before && (able & MaskOf(before)) != 0; }
  };

  size_t ChooseNew(ThreadMask able, size_t current, uint32_t known);
  ThreadMask TooMany() const;

  const bool reduce_;
  const std::optional<size_t> max_preemptions_;
  std::vector<Moment> trail_;
  size_t depth_ = 0;  // moments of the trail that the schedule has passed
  bool redundant_ = false;
  std::vector<Touched> touched_;
};

}  // namespace rain
