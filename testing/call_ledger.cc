#include "listenrain/testing/call_ledger.h"

#include "absl/strings/str_cat.h"
#include "listenrain/framework/status.h"

namespace rain {

void CallLedger::Break(uint64_t call, absl::string_view what) const { broken_(absl::StrCat("call ", call, ": ", what)); }

uint64_t CallLedger::Begin(size_t caller, bool may_be_sent_again, Instant deadline) {
  MutexLock lock(mutex_);
  ++sums_.begun;
  ++open_;
  calls_.push_back({.caller = caller, .deadline = deadline, .may_be_sent_again = may_be_sent_again});
  return calls_.size() - 1;
}

void CallLedger::OnSendReturned(uint64_t number, const absl::Status& status) {
  MutexLock lock(mutex_);
  Call& call = At(number);
  call.returned = true;
  if (status.ok()) return;
  call.refused = true;
  ++sums_.refused;
  if (!call.forgotten) --open_;
  if (call.outcomes > 0) Break(number, absl::StrCat("it was refused, but has an outcome: ", status.ToString()));
  if (call.handled > 0) Break(number, absl::StrCat("it was refused, but handled: ", status.ToString()));
}

void CallLedger::OnPosted(uint64_t number) {
  MutexLock lock(mutex_);
  Call& call = At(number);
  call.posted = true;
  ++sums_.posted;
  if (!call.forgotten) --open_;
}

void CallLedger::OnHandled(uint64_t number) {
  MutexLock lock(mutex_);
  if (number >= calls_.size()) return Break(number, "a handler got a call that nobody made");
  Call& call = At(number);
  if (++call.handled > 1 && !call.may_be_sent_again) Break(number, "it was handled twice");
  if (call.refused) Break(number, "it was refused, but handled");
  if (call.unsent) Break(number, "its outcome said that nothing of it was sent, but it was handled");
}

void CallLedger::OnOutcome(uint64_t number, const absl::Status& status, bool right) {
  MutexLock lock(mutex_);
  Call& call = At(number);
  if (call.forgotten) return;
  if (++call.outcomes > 1) return Break(number, absl::StrCat("a second outcome: ", status.ToString()));
  if (call.posted) return Break(number, "it is one-way, but has an outcome");
  if (call.refused) return Break(number, absl::StrCat("it was refused, but has an outcome: ", status.ToString()));
  --open_;
  ++(status.ok() ? sums_.replied : sums_.failed);
  if (!right) Break(number, "its reply is another call's");
  if (status.ok() && call.handled == 0) Break(number, "a reply, but no handler got it");
  call.unsent = !status.ok() && BytesSentOf(status) == BytesSent::none;
  if (call.unsent && call.handled > 0) {
    Break(number, absl::StrCat("its outcome says that nothing of it was sent, but it was handled: ", status.ToString()));
  }
}

void CallLedger::Forget(size_t caller) {
  MutexLock lock(mutex_);
  for (Call& call : calls_) {
    if (call.caller != caller || !call.open()) continue;
    call.forgotten = true;
    ++sums_.forgotten;
    --open_;
  }
}

size_t CallLedger::open() const {
  MutexLock lock(mutex_);
  return open_;
}

CallLedger::Sums CallLedger::sums() const {
  MutexLock lock(mutex_);
  return sums_;
}

std::string CallLedger::FirstOpen(absl::FunctionRef<bool(const Call&)> counts) const {
  MutexLock lock(mutex_);
  for (size_t number = 0; number < calls_.size(); ++number) {
    const Call& call = calls_[number];
    if (call.open() && counts(call)) {
      return absl::StrCat("call ", number, " of caller ", call.caller, ", handled ", call.handled, " times");
    }
  }
  return "";
}

std::string CallLedger::AnOpenCall() const {
  return FirstOpen([](const Call&) { return true; });
}

std::string CallLedger::AnOpenCall(size_t caller, Instant due_before) const {
  return FirstOpen([&](const Call& call) { return call.caller == caller && call.deadline <= due_before; });
}

}  // namespace rain
