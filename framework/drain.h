// Drain: an end that loses nothing: what was read is answered, what comes is refused, then the channels close.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "listenrain/framework/delay_timer.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/ref.h"

namespace rain {

// What became of the peers' requests from the beginning of a drain on.
struct DrainReport {
  uint64_t completed = 0;  // in flight when it began, or read before the peer was told, and answered
  uint64_t refused = 0;    // read later: answered with UNAVAILABLE
  uint64_t aborted = 0;    // unanswered when the deadline came

  DrainReport& operator+=(const DrainReport& other) {
    completed += other.completed;
    refused += other.refused;
    aborted += other.aborted;
    return *this;
  }
};

class Resident;
class Shard;

// One drain on one loop: of a listener, or of all that lives there. Shared by those that it waits for. Thread: loop.
class Drain final : public RefCounted {
 public:
  using Done = absl::AnyInvocable<void(DrainReport) &&>;

  // `done` is called once: when all who joined have left, at the latest after `timeout`, when those who have not are ended.
  static void Begin(Shard& shard, absl::Duration timeout, const std::vector<Resident*>& residents, Done done);

  void Join(Resident& resident) { joined_.push_back(&resident); }
  // What it has to report. Once, as it ends.
  void Leave(Resident& resident, const DrainReport& report);

 private:
  explicit Drain(Done done);
  void OnDeadline();
  void MaybeFinish();

  std::vector<Resident*> joined_;
  DrainReport report_;
  Done done_;
  DelayTimer<&Drain::OnDeadline> deadline_{*this};
  bool begun_ = false;  // everybody has joined
};

// What several loops report, in one. Shared by them. Thread: any.
class DrainSum final : public RefCounted {
 public:
  // `done` is called by whoever adds the last of `parts`, at least one.
  DrainSum(size_t parts, Drain::Done done) : left_(parts), done_(std::move(done)) {}
  void Add(const DrainReport& report);

 private:
  Mutex mutex_;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  DrainReport sum_ ABSL_GUARDED_BY(mutex_);
  Drain::Done done_;
};

// Waits for what `begin` is to tell. On a thread that runs a loop, which must not wait, it begins only: the report is empty.
DrainReport BeginAndWait(absl::FunctionRef<void(Drain::Done)> begin);

}  // namespace rain
