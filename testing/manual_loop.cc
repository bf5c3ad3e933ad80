#include "listenrain/testing/manual_loop.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace rain {

void ManualClock::Set(Instant now) {
  assert(now >= Now());
  now_.store(now.nanoseconds, std::memory_order_release);
}

ManualLoop::ManualLoop(std::shared_ptr<ManualClock> clock, uint64_t seed) : clock_(std::move(clock)), core_(*clock_, seed) {
  core_.baton().Acquire(Instant::Infinite(), [] {});
}

ManualLoop::~ManualLoop() {
  core_.Shut();
  if (InLoop()) core_.baton().Release();
}

void ManualLoop::Run(absl::AnyInvocable<void() &&> task) { core_.Post(std::move(task)); }

bool ManualLoop::RunTurn(Instant) {
  if (InLoop()) {
    core_.Work();
    return true;
  }
  if (!core_.baton().Acquire(Instant{0}, [] {})) return false;
  core_.Work();
  core_.baton().Release();
  return true;
}

bool ManualLoop::busy() {
  core_.Refresh();
  return core_.NextDeadline() <= core_.now();
}

bool ManualLoop::RunUntilIdle(size_t max_turns) {
  ManualLoop* self = this;
  return rain::RunUntilIdle({&self, 1}, max_turns);
}

bool ManualLoop::Advance(absl::Duration by) {
  ManualLoop* self = this;
  return rain::Advance({&self, 1}, by);
}

bool RunUntilIdle(absl::Span<ManualLoop* const> loops, size_t max_turns) {
  const auto busy = [](ManualLoop* loop) { return loop->busy(); };
  for (size_t turn = 0; std::any_of(loops.begin(), loops.end(), busy); ++turn) {
    if (turn == max_turns) return false;
    for (ManualLoop* loop : loops) loop->RunTurn(loop->now());
  }
  return true;
}

bool Advance(absl::Span<ManualLoop* const> loops, absl::Duration by) {
  if (loops.empty()) return true;
  ManualClock& clock = loops.front()->manual_clock();
  const Instant end = clock.Now() + by;
  while (true) {
    if (!RunUntilIdle(loops)) return false;
    Instant next = end;
    for (ManualLoop* loop : loops) next = std::min(next, loop->timers().next());
    if (next > clock.Now()) clock.Set(next);
    if (next == end) break;
  }
  return RunUntilIdle(loops);
}

}  // namespace rain
