// SimWorld: nodes, each with a ListenRain of its own, a network between them, and a time that passes only when nothing else is to
// be done. All of it is decided by one seed: the same seed gives the same history.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/sim_agenda.h"
#include "listenrain/testing/sim_history.h"
#include "listenrain/testing/sim_network.h"
#include "listenrain/testing/sim_node.h"
#include "listenrain/testing/sim_random.h"

namespace rain {

// Thread: one, which runs everything there is. Nothing in it may wait: programs ask with callbacks and coroutines.
class SimWorld final {
 public:
  // `keeps_lines`: the history too, and not its hash alone.
  explicit SimWorld(uint64_t seed, bool keeps_lines = false);
  ~SimWorld();  // ends every node
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Begins at once.
  SimNode& AddNode(std::string name, const SimNode::Options& options, SimNode::Main main);
  const std::vector<std::unique_ptr<SimNode>>& nodes() const { return nodes_; }
  SimNetwork& network() { return *network_; }
  SimAgenda& agenda() { return agenda_; }
  SimHistory& history() { return history_; }
  SimRandom& random() { return random_; }
  Instant now() const { return clock_->Now(); }

  // Its process is gone at once, and its peers hear nothing of it.
  void Crash(SimNode& node);
  // Stops its ListenRain, and ends its program when that is done.
  void Stop(SimNode& node);
  // The same, while time stands still.
  void End(SimNode& node);
  // Begins anew, with nothing; one that is still stopping is ended first.
  void Start(SimNode& node);
  // It stands still, while time goes on.
  void Pause(SimNode& node, bool paused);
  // Its clock is ahead of the others' by so much more from now on.
  void JumpClock(SimNode& node, absl::Duration by);

  // Lets one thing happen; time moves on if nothing else can, at most to `until`. False if nothing is left until then, or
  // something is wrong.
  bool Step(Instant until);
  void RunFor(absl::Duration time);
  // False if it did not come to hold in that time.
  bool RunUntil(absl::FunctionRef<bool()> holds, absl::Duration most);
  // Called after each step, from now on.
  void Watch(std::function<void()> watcher) { watchers_.push_back(std::move(watcher)); }

  // Something is wrong: the first text counts.
  void Fail(absl::string_view what);
  // Empty: nothing.
  const std::string& failure() const { return failure_; }

 private:
  // What can run now.
  struct Runnable {
    ManualLoop* loop = nullptr;
    SimExecutor* executor = nullptr;
    SimNode* stopped = nullptr;  // all null: the agenda
  };

  void SetTime(Instant now);
  void Gather();
  void RunOne(const Runnable& chosen);
  void Destroy(SimNode& node);

  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  SimRandom random_;
  SimHistory history_;
  SimAgenda agenda_;
  std::shared_ptr<SimNetwork> network_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<Runnable> runnable_;
  std::vector<std::function<void()>> watchers_;
  std::string failure_;
};

}  // namespace rain
