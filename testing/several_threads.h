// Runs something on several threads at once, for what must stand it.
#pragma once

#include <latch>
#include <thread>
#include <vector>

#include "listenrain/testing/violations.h"

namespace rain {

// Calls `use(thread, violations)` for each thread from 0 on, all of which begin when the last one is there; then their violations
// are put together.
template <typename Use>
void OnSeveralThreads(size_t count, Violations& violations, Use use) {
  std::vector<Violations> found(count);
  std::latch all_there(static_cast<ptrdiff_t>(count));
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < count; ++thread) {
    threads.emplace_back([&, thread] {
      all_there.arrive_and_wait();
      use(thread, found[thread]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Violations& of_one : found) {
    for (const std::string& violation : of_one) Report(violations, violation);
  }
}

}  // namespace rain
