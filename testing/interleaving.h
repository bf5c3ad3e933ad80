// Explore: runs a small scenario of a few threads in every order of their steps. For code whose threads meet in few places, and
// must be right in all of them: what a stress test meets once in a million runs, this meets in one of some thousand.
//
//   const Exploration all = Explore([](Scenario& scenario) {
//     auto queue = std::make_shared<MyQueue>();  // made afresh for each schedule
//     scenario.Thread("producer", [queue] { queue->Put(1); });
//     scenario.Thread("consumer", [queue] { Require(queue->Take() == 1, "what was put is taken"); });
//     scenario.AtEnd([queue] { Require(queue->empty(), "and nothing else is left"); });
//   });
//   EXPECT_TRUE(all.ok()) << all.failure;
//
// Threads step at the primitives of framework/interleaved.h, which MyQueue must use here in place of the std ones (an alias, or a
// template's parameter). Between two of these a thread runs alone: what it touches there must be its own, or be held by a lock.
// Memory is sequentially consistent, whatever order an atomic names. Run the scenarios under ThreadSanitizer too: it does not see
// how the threads are kept in step, and so finds in each schedule what the named orders and the locks do not cover.
//
// Beside what Require finds, a schedule fails if nobody can go on (a deadlock, a lost signal), if a step touches a primitive that
// has been destroyed, if a body throws, or if there is no end to it. A wait never ends without a signal or its deadline.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rain {

// Two to eight threads, which the function given to Explore sets up anew for each schedule. Its doings must follow from the order
// of the steps alone: no chance, no other clock.
class Scenario {
 public:
  // `body` runs on a thread of its own. The name is for the report.
  void Thread(std::string name, std::function<void()> body) { threads_.push_back({std::move(name), std::move(body)}); }
  // Called when all threads have ended, by the thread that explores.
  void AtEnd(std::function<void()> check) { check_ = std::move(check); }

 private:
  friend class Explorer;
  struct Body {
    std::string name;
    std::function<void()> run;
  };
  std::vector<Body> threads_;
  std::function<void()> check_;
};

struct ExploreOptions {
  size_t max_steps = 2000;           // of one schedule; more of them are a failure
  size_t max_schedules = 1'000'000;  // more are a failure: the search came to no end
  // Of schedules that differ only in the order of steps which do not touch the same object, one runs. False: all do.
  bool reduce = true;
  // Only schedules in which so many times at most a thread has to stop that could go on. For scenarios that are too large else;
  // not reduced then.
  std::optional<size_t> max_preemptions;
  // Only this schedule, as Exploration::choices names it. Where that ends, threads go on as long as they can.
  std::optional<std::vector<size_t>> replay;
};

struct Exploration {
  size_t schedules = 0;         // that ran to their end
  size_t cut = 0;               // beside these, begun and found to be the same as another but for the order of independent steps
  size_t longest = 0;           // steps of the longest
  std::string failure;          // empty, or what went wrong in the first schedule that failed, and all its steps
  std::vector<size_t> choices;  // of that schedule: which thread did each step

  bool ok() const { return failure.empty(); }
};

// Ends after the last schedule or the first that fails. The threads of one that cannot be ended are left as they stand, with all
// that they hold. Thread: one that explores nothing else meanwhile.
Exploration Explore(const std::function<void(Scenario&)>& set_up, const ExploreOptions& options = {});

// Fails the schedule, which then still runs to its end. Thread: those of a scenario, also in AtEnd.
void Require(bool holds, std::string_view what);

// The time of a schedule, which begins at an hour of steady_clock and stands still. Where nobody can go on, it passes to the next
// deadline of one who waits. PassTime lets it be `until` in one step: a thread that does this and nothing else lets deadlines
// come at every moment there is. Thread: those of a scenario.
std::chrono::steady_clock::time_point TimeNow();
void PassTime(std::chrono::steady_clock::time_point until);

}  // namespace rain
