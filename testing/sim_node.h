// SimNode: a machine of a simulated world with one process on it: its loops, its executor, its memory, its clock, and the program
// that it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/executor.h"
#include "listenrain/framework/listen_rain.h"
#include "listenrain/framework/observer.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/sim_random.h"

namespace rain {

// Runs what waits in any order, as several threads would. Thread: one.
class SimExecutor final : public Executor {
 public:
  void Run(absl::AnyInvocable<void() &&> task) override {
    if (!closed_) waiting_.push_back(std::move(task));
  }
  int concurrency() const override { return 4; }

  bool busy() const { return !waiting_.empty(); }
  void RunOne(SimRandom& random);
  // Destroys unrun what waits, and what comes later.
  void Close();

 private:
  bool closed_ = false;
  std::deque<absl::AnyInvocable<void() &&>> waiting_;
};

// Memory that can become scarce. Thread: one.
class SimMemory final : public BlockAllocator {
 public:
  explicit SimMemory(uint64_t seed) : random_(seed) {}
  void* Allocate(size_t bytes) override;
  void Free(void* memory, size_t bytes) noexcept override;

  // From now on one of so many allocations is refused; 0: none.
  void RefuseOneIn(uint64_t allocations) { refused_one_in_ = allocations; }

 private:
  SimRandom random_;
  uint64_t refused_one_in_ = 0;
};

// What a node runs, from its start to its end or crash. Made and destroyed inside a turn of the node's first loop.
class SimProgram {
 public:
  virtual ~SimProgram() = default;

  // Stops serving without loss, and serves again after a while.
  virtual void Drain() {}
  // For those who want to strike at such a moment.
  virtual bool draining() const { return false; }
  virtual bool answering() const { return false; }
  // Its ListenRain was stopped in order, and all that followed from it has happened: nothing may be open any more.
  virtual void OnStopped() {}
};

// Made by SimWorld::AddNode, and destroyed with the world. Thread: one.
class SimNode final {
 public:
  struct Options {
    int loops = 1;
    bool observed = false;  // every packet is a line of the history; then none leaves by the engine's shortest way
  };
  using Main = std::function<std::unique_ptr<SimProgram>(SimNode&)>;

  const std::string& name() const { return name_; }
  // Its process runs, though it may be stopping.
  bool up() const { return rain_ != nullptr && !dying_; }
  bool stopping() const { return stopping_; }
  // It crashes: whom would it tell anything?
  bool dying() const { return dying_; }
  bool paused() const { return paused_; }
  // When it began, or last went on after it had stood still, in the world's time.
  Instant awake_since() const { return awake_since_; }
  // Its program has begun, and was not told to stop.
  bool serving() const { return up() && program_ != nullptr && !stopping_; }

  // By its own clock.
  Instant now() const { return clock_->Now(); }

  // While it is up.
  ListenRain& rain() { return *rain_; }
  const std::shared_ptr<Executor>& executor() const { return shown_executor_; }
  const std::shared_ptr<SimMemory>& memory() const { return memory_; }
  size_t buffer_bytes() const { return buffers_->bytes_in_use(); }
  // Null before it has begun.
  SimProgram* program() { return program_.get(); }
  // Runs the task later, in a turn of its first loop, if it is up then.
  void Run(absl::AnyInvocable<void() &&> task);

 private:
  friend class SimWorld;
  SimNode(std::string name, const Options& options, Main main);

  // The world's time as this node's clock says it.
  void SetTime(Instant now) { clock_->Set(now + ahead_); }
  void Boot(SimRandom& random, TransportScheme scheme, std::shared_ptr<Observer> observer);
  // All that it can do now, while time stands still. False if that has no end, which more than 100,000 tasks are taken for.
  bool Settle(SimRandom& random);
  // When one of its timers is due, in the world's time.
  Instant next() const;
  // Has something to do now.
  bool busy() const;
  // Nothing new comes to it from here on, and what waits on its executor is dropped.
  void Silence(SimRandom& random);
  // Ends everything on it. Returns what is left over, in words; empty if nothing is.
  std::string Destroy(SimRandom& random);

  const std::string name_;
  const Options options_;
  const Main main_;
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  absl::Duration ahead_;  // of the world's time
  bool paused_ = false;
  Instant awake_since_;
  bool stopping_ = false;
  bool stop_begun_ = false;
  bool dying_ = false;
  std::shared_ptr<SimMemory> memory_;
  std::shared_ptr<BufferPool> buffers_;
  std::vector<std::shared_ptr<ManualLoop>> loops_;
  std::shared_ptr<SimExecutor> executor_;
  std::shared_ptr<Executor> shown_executor_;
  std::unique_ptr<ListenRain> rain_;
  std::unique_ptr<SimProgram> program_;
};

}  // namespace rain
