// CallLedger: what became of every call of a program, held against what is promised: exactly one outcome for each that was
// accepted, none for another; handled at most once, unless it may be sent again; and never, if its outcome says that nothing of
// it was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/mutex.h"

namespace rain {

// Made by a test, and told by its callers and handlers. Thread: any.
class CallLedger {
 public:
  // What breaks a promise is told at once. Thread: whichever finds it, several at once.
  explicit CallLedger(std::function<void(absl::string_view)> broken) : broken_(std::move(broken)) {}

  // A caller is about to send; the number goes with the request. `caller` says who.
  uint64_t Begin(size_t caller, bool may_be_sent_again, Instant deadline = Instant::Infinite());
  // What Send returned.
  void OnSendReturned(uint64_t call, const absl::Status& status);
  // It is one-way: it has no outcome.
  void OnPosted(uint64_t call);
  // A handler got it.
  void OnHandled(uint64_t call);
  // Its outcome; `right` says of a reply that it is the one to this call.
  void OnOutcome(uint64_t call, const absl::Status& status, bool right = true);
  // The caller's process is gone: nobody can be told of its calls any more.
  void Forget(size_t caller);

  // Accepted, and without an outcome.
  size_t open() const;
  // For a message: such a call, whoever's; or of this caller's; or of this caller's, whose deadline was before. Empty: none.
  std::string AnOpenCall() const;
  std::string AnOpenCall(size_t caller, Instant due_before = Instant::Infinite()) const;
  struct Sums {
    uint64_t begun = 0, refused = 0, posted = 0, replied = 0, failed = 0, forgotten = 0;
  };
  Sums sums() const;

 private:
  struct Call {
    size_t caller = 0;
    Instant deadline;
    bool may_be_sent_again = false;
    bool returned = false;  // Send did
    bool refused = false;
    bool posted = false;
    bool forgotten = false;
    bool unsent = false;  // its outcome says so
    int outcomes = 0;
    int handled = 0;

    bool open() const { return !refused && !posted && !forgotten && outcomes == 0; }
  };
  Call& At(uint64_t call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return calls_[static_cast<size_t>(call)]; }
  void Break(uint64_t call, absl::string_view what) const;
  std::string FirstOpen(absl::FunctionRef<bool(const Call&)> counts) const;

  const std::function<void(absl::string_view)> broken_;
  mutable Mutex mutex_;
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  Sums sums_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
