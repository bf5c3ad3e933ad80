// InterleavingSearch: which schedules Explore runs: a depth-first search through the tree of choices of who goes on.
#pragma once

#include <algorithm>
#include <array>
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
// Of schedules that differ by the order of independent steps alone, it needs one. Two things reduce them. At a moment another
// thread is tried only if that leads to a later step which met what was done there, and might have come first (dynamic
// partial-order reduction with source sets: Abdulla, Aronis, Jonsson, Sagonas, POPL 2014). And a thread whose next step was tried
// at a moment sleeps in what is tried there after it, until somebody touches what that step touches (sleep sets: Godefroid,
// 1996); where all sleep, the schedule is redundant.
class InterleavingSearch {
 public:
  static constexpr size_t kNobody = SIZE_MAX;
  static constexpr size_t kMaxThreads = 8;

  InterleavingSearch(bool reduce, std::optional<size_t> max_preemptions)
      : reduce_(reduce && !max_preemptions.has_value()), max_preemptions_(max_preemptions) {}

  // A schedule begins.
  void Begin();
  // The step that runs touches an object, by number.
  void Touch(uint32_t object, bool writes) { touched_.push_back({object, writes}); }
  // The step that runs had to wait until others let it.
  void Blocks() { blocks_ = true; }
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
  };
  // True if some and others do not come to the same in either order. Objects from `known` on may be any of these.
  static bool Meet(const std::vector<Touched>& some, const std::vector<Touched>& others, uint32_t known);
  // For each thread, the last of its steps that came before for a reason: 1 is the first of all steps.
  using Clock = std::array<uint32_t, kMaxThreads>;
  // A moment at which somebody was chosen, and the step that followed.
  struct Moment {
    ThreadMask able;
    size_t before;  // who did the step that led here
    size_t chosen = kNobody;
    uint32_t known = 0;
    bool redundant = false;
    ThreadMask to_try = 0;
    std::vector<Touched> touched = {};  // by the chosen one's step
    Clock clock = {};                   // of that step
    bool blocks = false;                // that step
    std::vector<Sleeper> asleep = {};

    ThreadMask Asleep() const;
    bool Preempts(size_t choice) const { return before != kNobody && choice != before && (able & MaskOf(before)) != 0; }
  };

  size_t ChooseNew(ThreadMask able, size_t current, uint32_t known);
  void EndStep();
  void Race(size_t at);
  bool Leads(size_t earlier, size_t later) const;
  ThreadMask FirstWithout(size_t skipped, size_t at, const Clock& before) const;
  static void Join(Clock& clock, const Clock& other);
  ThreadMask TooMany() const;

  const bool reduce_;
  const std::optional<size_t> max_preemptions_;
  std::vector<Moment> trail_;
  size_t depth_ = 0;  // moments of the trail that the schedule has passed
  size_t raced_ = 0;  // of these, whose step was held against those before it
  bool redundant_ = false;
  std::vector<Touched> touched_;
  bool blocks_ = false;
};

}  // namespace rain
