// SimWorld: nodes, each with a ListenRain of its own, a network between them, and a time that passes only when nothing else is to
// be done. All of it is decided by one seed: the same seed gives the same history.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/listen_rain.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/sim_agenda.h"
#include "listenrain/testing/sim_history.h"
#include "listenrain/testing/sim_network.h"
#include "listenrain/testing/sim_random.h"

namespace rain {

// Runs what waits in any order, as several threads would.
class SimExecutor final : public Executor {
 public:
  void Run(absl::AnyInvocable<void() &&> task) override { waiting_.push_back(std::move(task)); }
  int concurrency() const override { return 4; }

  bool busy() const { return !waiting_.empty(); }
  void RunOne(SimRandom& random);

 private:
  std::deque<absl::AnyInvocable<void() &&>> waiting_;
};

class SimNode;

// What a node runs, from its start to its end or crash. Made and destroyed inside a turn of the node's first loop.
class SimProgram {
 public:
  virtual ~SimProgram() = default;
};

// A machine with one process. Made by the world, which outlives it. Thread: one.
class SimNode final {
 public:
  struct Options {
    int loops = 1;
  };
  using Main = std::function<std::unique_ptr<SimProgram>(SimNode&)>;

  const std::string& name() const { return name_; }
  bool up() const { return rain_ != nullptr && !dying_; }
  // Its program has begun.
  bool started() const { return program_ != nullptr; }
  bool paused() const { return paused_; }
  // While it is up.
  ListenRain& rain() { return *rain_; }
  SimProgram& program() { return *program_; }
  const std::shared_ptr<Executor>& executor() const { return shown_executor_; }
  // Runs the task later, in a turn of a loop of the node's, if that is up then.
  void Run(absl::AnyInvocable<void() &&> task);

 private:
  friend class SimWorld;
  SimNode(std::string name, const Options& options, Main main);

  const std::string name_;
  const Options options_;
  const Main main_;
  bool paused_ = false;
  bool dying_ = false;
  std::shared_ptr<BufferPool> buffers_;
  std::vector<std::shared_ptr<ManualLoop>> loops_;
  std::shared_ptr<SimExecutor> executor_;
  std::shared_ptr<Executor> shown_executor_;
  std::unique_ptr<ListenRain> rain_;
  std::unique_ptr<SimProgram> program_;
};

// Thread: one, which runs everything there is.
class SimWorld final {
 public:
  explicit SimWorld(uint64_t seed, bool keeps_lines = false);
  ~SimWorld();  // ends every node
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  SimNode& AddNode(std::string name, const SimNode::Options& options, SimNode::Main main);
  std::vector<std::unique_ptr<SimNode>>& nodes() { return nodes_; }
  SimNetwork& network() { return *network_; }
  SimAgenda& agenda() { return agenda_; }
  SimHistory& history() { return history_; }
  SimRandom& random() { return random_; }
  Instant now() const { return clock_->Now(); }

  // Faults. Its process is gone at once: its peers hear nothing of it. Start lets it begin anew, with nothing.
  void Crash(SimNode& node);
  void Start(SimNode& node);
  // It stands still, while time goes on.
  void Pause(SimNode& node, bool paused);
  // Stops the node's ListenRain and ends its program, in order.
  void End(SimNode& node);

  // Lets one thing happen; time moves on if nothing else can, at most to `until`. False if nothing is left until then.
  bool Step(Instant until);
  void RunFor(absl::Duration time);
  // False if it did not come to hold in that time.
  bool RunUntil(absl::FunctionRef<bool()> holds, absl::Duration most);

  // Something is wrong: the first text counts.
  void Fail(absl::string_view what);
  const std::string& failure() const { return failure_; }

 private:
  // What can run now.
  struct Runnable {
    ManualLoop* loop = nullptr;
    SimExecutor* executor = nullptr;  // both null: the agenda
  };

  void Gather();
  void Settle(SimNode& node);
  void Destroy(SimNode& node);

  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  SimRandom random_;
  SimHistory history_;
  SimAgenda agenda_;
  std::shared_ptr<SimNetwork> network_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<Runnable> runnable_;
  std::string failure_;
};

}  // namespace rain
