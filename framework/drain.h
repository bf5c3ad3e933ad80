// Drain: an end that loses nothing: what was read is answered, what comes is refused, then the channels close.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "listenrain/framework/delay_timer.h"
#include "listenrain/framework/ref.h"

namespace rain {

// What became of the peers' requests from the beginning of a drain on.
struct DrainReport {
  uint64_t completed = 0;  // in flight when it began, or read before the peer was told, and answered
  uint64_t refused = 0;    // read later: answered with UNAVAILABLE
  uint64_t aborted = 0;    // unanswered when the deadline came
};

// What several loops report. Thread: any.
class DrainSum {
 public:
  void Add(const DrainReport& report) {
    completed_.fetch_add(report.completed, std::memory_order_relaxed);
    refused_.fetch_add(report.refused, std::memory_order_relaxed);
    aborted_.fetch_add(report.aborted, std::memory_order_relaxed);
  }
  DrainReport report() const { return {completed_, refused_, aborted_}; }

 private:
  std::atomic<uint64_t> completed_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> aborted_{0};
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
  Drain(Shard& shard, Done done);
  void OnDeadline();
  void MaybeFinish();

  std::vector<Resident*> joined_;
  DrainReport report_;
  Done done_;
  DelayTimer deadline_;
  bool begun_ = false;  // everybody has joined
};

}  // namespace rain
