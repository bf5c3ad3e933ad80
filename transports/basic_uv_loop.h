// BasicUvLoop: what both kinds of libuv loop share: everything but who runs their turns, what wakes them, and the end.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/loop_core.h"
#include "listenrain/transports/descriptor_set.h"
#include "listenrain/transports/readiness.h"

namespace rain {

// A turn tells which descriptors are ready, and then does the work of the turn, so that what the descriptors' callbacks queued
// leaves in the same turn.
class BasicUvLoop : public DescriptorLoop {
 public:
  BasicUvLoop() : core_(SystemClock(), std::random_device()()) {}

  void Run(absl::AnyInvocable<void() &&> task) final {
    if (core_.Post(std::move(task))) Wake();
  }
  int concurrency() const final { return 1; }
  bool InLoop() const final { return core_.baton().HeldHere(); }
  const Clock& clock() const final { return core_.clock(); }
  Instant now() const final { return core_.now(); }
  uint64_t Random() final { return core_.Random(); }
  TimerHeap& timers() final { return core_.timers(); }
  void AtTurnEnd(TurnTask& task) final { core_.turn_ends().Add(task); }
  void InNextTurn(TurnTask& task) final {
    if (core_.InNextTurn(task)) Wake();
  }

  absl::StatusOr<std::unique_ptr<Watch>> NewWatch(int fd, WatchCallback callback) final {
    assert(InLoop());
    return descriptors_.New(fd, std::move(callback));
  }

 protected:
  ~BasicUvLoop() override = default;

  // A turn begins soon. Thread: any.
  virtual void Wake() = 0;
  // Destroys the tasks and silences the watches.
  void Shut() {
    core_.Shut();
    descriptors_.EndAll();
  }

  LoopCore core_;
  DescriptorSet descriptors_;
};

}  // namespace rain
