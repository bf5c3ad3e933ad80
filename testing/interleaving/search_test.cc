// The search and the model alone, without threads: programs by chance, of which what is left out must lead to nothing new.
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/testing/interleaving_model.h"
#include "listenrain/testing/interleaving_search.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

enum class Do { read, write, add, lock, unlock, wait, signal, signal_all };
constexpr size_t kThreads = 3;
constexpr size_t kCondition = 4;  // objects 0 and 1 are counters, 2 and 3 mutexes

struct Act {
  Do what;
  size_t object;
};
using Program = std::array<std::vector<Act>, kThreads>;

Program ByChance(uint32_t seed) {
  std::minstd_rand chance(seed);
  Program program;
  for (const size_t thread : {0u, 0u, 1u, 1u, 2u}) {
    std::vector<Act>& acts = program[thread];
    const size_t counter = chance() % 2;
    const size_t mutex = 2 + (chance() % 3 == 0 ? 1 : 0);
    const auto locked = [&](std::vector<Act> inside) {
      acts.push_back({Do::lock, mutex});
      acts.insert(acts.end(), inside.begin(), inside.end());
      acts.push_back({Do::unlock, mutex});
    };
    switch (chance() % 8) {
      case 0:
        acts.push_back({Do::read, counter});
        acts.push_back({Do::write, counter});
        break;
      case 1:
        acts.push_back({Do::read, counter});
        break;
      case 2:
        acts.push_back({chance() % 2 == 0 ? Do::signal : Do::signal_all, kCondition});
        break;
      case 3:
        locked({{Do::add, counter}, {Do::signal, kCondition}});
        break;
      case 4:
      case 5:
        locked({{Do::read, counter}, {Do::wait, mutex}});
        break;
      default:
        locked({{Do::add, counter}});
    }
  }
  return program;
}

// One schedule of a program.
class Run {
 public:
  Run(const Program& program, InterleavingSearch& search) : program_(program), search_(search), model_(search, kThreads) {
    search_.Begin();
    for (size_t thread = 0; thread < kThreads; ++thread) Arrive(thread);
  }

  // What its threads read; empty if nobody could go on before the end.
  std::string Outcome() {
    size_t current = InterleavingSearch::kNobody;
    while (const ThreadMask able = model_.Able()) {
      current = search_.Choose(able, current, model_.known());
      EXPECT_NE(current, InterleavingSearch::kNobody);
      EXPECT_TRUE(model_.Do(current));
      Step(current);
    }
    return model_.all_ended() ? read_[0] + "|" + read_[1] + "|" + read_[2] : "";
  }

 private:
  void Arrive(size_t thread) {
    for (; next_[thread] < program_[thread].size(); ++next_[thread]) {
      const Act act = program_[thread][next_[thread]];
      const void* object = &objects_[act.object];
      switch (act.what) {
        case Do::read:
          return model_.Arrive(thread, Stand::step, Access::load, object, Place::Here());
        case Do::write:
          return model_.Arrive(thread, Stand::step, Access::store, object, Place::Here());
        case Do::add:
          return model_.Arrive(thread, Stand::step, Access::exchange, object, Place::Here());
        case Do::lock:
          return model_.Arrive(thread, Stand::lock, Access::lock, object, Place::Here());
        case Do::wait:
          return model_.Arrive(thread, Stand::step, Access::wait, &objects_[kCondition], Place::Here());
        case Do::signal:
        case Do::signal_all:
          return model_.Arrive(thread, Stand::step, Access::signal, object, Place::Here());
        case Do::unlock:
          model_.Unlock(object);
      }
    }
    model_.ArriveAtEnd(thread);
  }

  void Step(size_t thread) {
    const Act act = program_[thread][next_[thread]];
    int& object = objects_[act.object];
    switch (act.what) {
      case Do::read:
        read_[thread] += std::to_string(object);
        last_[thread] = object;
        break;
      case Do::write:
        object = 2 * last_[thread] + 1;
        break;
      case Do::add:
        read_[thread] += std::to_string(object++);
        break;
      case Do::wait:
        if (std::exchange(waits_[thread], true)) break;
        return model_.ArriveAtWait(thread, &objects_[kCondition], &object, InterleavingModel::Time::max(), Place::Here());
      case Do::signal:
      case Do::signal_all:
        model_.Signal(&object, act.what == Do::signal_all);
        break;
      case Do::lock:
      case Do::unlock:
        break;
    }
    waits_[thread] = false;
    ++next_[thread];
    Arrive(thread);
  }

  const Program& program_;
  InterleavingSearch& search_;
  InterleavingModel model_;
  std::array<int, 5> objects_ = {};
  std::array<size_t, kThreads> next_ = {};
  std::array<int, kThreads> last_ = {};
  std::array<bool, kThreads> waits_ = {};
  std::array<std::string, kThreads> read_;
};

// How often each outcome came.
std::map<std::string, size_t> Outcomes(const Program& program, bool reduce) {
  std::map<std::string, size_t> outcomes;
  InterleavingSearch search(reduce, std::nullopt);
  do {
    const std::string outcome = Run(program, search).Outcome();
    if (!search.redundant()) ++outcomes[outcome];
  } while (search.Advance());
  return outcomes;
}

TEST(InterleavingSearch, WhatItLeavesOutLeadsToNothingNew) {
  size_t reduced = 0;
  size_t all = 0;
  for (uint32_t seed = 1; seed <= static_cast<uint32_t>(Scaled(1'000, 200, 30'000)); ++seed) {
    const Program program = ByChance(seed);
    const auto few = Outcomes(program, true);
    const auto every = Outcomes(program, false);
    EXPECT_EQ(few.count(""), every.count("")) << "seed " << seed;  // one deadlock is enough: it ends the search
    if (every.count("") > 0) continue;
    for (const auto& [outcome, times] : every) {
      EXPECT_EQ(few.count(outcome), 1u) << "seed " << seed << ", outcome " << outcome;
      all += times;
    }
    for (const auto& [outcome, times] : few) reduced += times;
  }
  EXPECT_LT(10 * reduced, all);
}

}  // namespace
}  // namespace rain
