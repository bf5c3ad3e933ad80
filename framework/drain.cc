#include "listenrain/framework/drain.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "listenrain/framework/baton.h"
#include "listenrain/framework/handover.h"
#include "listenrain/framework/shard.h"

namespace rain {

Drain::Drain(Done done) : done_(std::move(done)) {}

void Drain::Begin(Shard& shard, absl::Duration timeout, const std::vector<Resident*>& residents, Done done) {
  const auto drain = Ref<Drain>::Adopt(new Drain(std::move(done)));
  drain->deadline_.Start(shard.loop(), timeout);
  for (Resident* resident : residents) resident->BeginDrain(drain);
  drain->begun_ = true;
  drain->MaybeFinish();
}

void Drain::Leave(Resident& resident, const DrainReport& report) {
  report_ += report;
  joined_.erase(std::remove(joined_.begin(), joined_.end(), &resident), joined_.end());
  MaybeFinish();
}

void Drain::MaybeFinish() {
  if (!begun_ || !joined_.empty() || done_ == nullptr) return;
  deadline_.Stop();
  std::exchange(done_, nullptr)(report_);
}

void Drain::OnDeadline() {
  const Ref<Drain> alive = Ref<Drain>::Share(this);
  while (!joined_.empty()) joined_.back()->End(absl::CancelledError("the drain's deadline came first"));
}

void DrainSum::Add(const DrainReport& report) {
  DrainReport all;
  {
    MutexLock lock(mutex_);
    sum_ += report;
    if (--left_ > 0) return;
    all = sum_;
  }
  std::move(done_)(all);
}

DrainReport BeginAndWait(absl::FunctionRef<void(Drain::Done)> begin) {
  if (Baton::AnyHeldHere()) {
    begin([](DrainReport) {});
    return {};
  }
  const auto report = std::make_shared<Handover<DrainReport>>();
  begin([report](DrainReport all) { report->Put(all); });
  return report->Take();
}

}  // namespace rain
