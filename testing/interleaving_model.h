// InterleavingModel: what the threads of one schedule stand before, and what they may do: locks, signals and time as Explore
// models them.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "listenrain/framework/interleaved.h"
#include "listenrain/testing/interleaving_search.h"

namespace rain {

// Where a thread of a scenario stands: before its first step, or a step that needs nothing, or a mutex, or a signal; or at its
// end.
enum class Stand : uint8_t { begin, step, lock, wait, end };

// What a thread has come to.
struct PendingStep {
  Stand stand = Stand::begin;
  Access access = Access::load;
  const void* object = nullptr;
  uint32_t number = 0;  // the object's
  Place place = {"", 0};
  const void* mutex = nullptr;  // of a wait
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  std::string Describe() const;
};

// Made anew for each schedule. Tells the search what each step touches. Thread: whichever has the token.
class InterleavingModel {
 public:
  static constexpr size_t kMaxThreads = InterleavingSearch::kMaxThreads;
  using Time = std::chrono::steady_clock::time_point;

  InterleavingModel(InterleavingSearch& search, size_t threads) : search_(search), threads_(threads) {}

  // The thread comes to a step, and does it later.
  void Arrive(size_t thread, Stand stand, Access access, const void* object, Place place);
  // The same, giving up a mutex meanwhile.
  void ArriveAtWait(size_t thread, const void* condition, const void* mutex, Time deadline, Place place);
  void ArriveAtEnd(size_t thread) { at_[thread].stand = Stand::end; }
  // The thread, which is able to, does the step that it has come to. False if what that touches was destroyed.
  bool Do(size_t thread);

  // What a step does beside.
  void Unlock(const void* mutex);
  void Signal(const void* condition, bool all);
  void Destroy(const void* object);
  void Make(const void* object) { destroyed_.erase(object); }
  const Time& now() const { return now_; }
  void PassTime(Time until) { now_ = std::max(now_, until); }

  // Who can go on. Where nobody can, time passes to the next deadline. None: then neither.
  ThreadMask Able();
  bool all_ended() const;
  // So many objects were seen.
  uint32_t known() const { return known_; }
  const PendingStep& at(size_t thread) const { return at_[thread]; }

 private:
  uint32_t NumberOf(const void* object);
  void Touch(const void* object, bool writes) { search_.Touch(NumberOf(object), writes); }
  bool IsAble(size_t thread) const;
  bool IsSignalled(size_t thread) const;
  void TakeSignal(size_t thread);
  bool LetTimePass();

  InterleavingSearch& search_;
  const size_t threads_;
  std::array<PendingStep, kMaxThreads> at_;
  std::unordered_map<const void*, uint32_t> numbers_;
  std::unordered_set<const void*> destroyed_;
  std::unordered_set<const void*> locked_;
  // Of each condition, the signals that nobody has taken: one of those who waited then takes it.
  std::unordered_map<const void*, std::vector<ThreadMask>> signals_;
  uint32_t known_ = 0;
  Time now_{std::chrono::hours(1)};
};

}  // namespace rain
