#include "listenrain/framework/drain.h"

#include <algorithm>

#include "absl/status/status.h"
#include "listenrain/framework/shard.h"

namespace rain {

Drain::Drain(Shard& shard, Done done) : done_(std::move(done)), deadline_(shard.loop(), [this] { OnDeadline(); }) {}

void Drain::Begin(Shard& shard, absl::Duration timeout, const std::vector<Resident*>& residents, Done done) {
  const auto drain = Ref<Drain>::Adopt(new Drain(shard, std::move(done)));
  drain->deadline_.Start(timeout);
  for (Resident* resident : residents) resident->BeginDrain(drain);
  drain->begun_ = true;
  drain->MaybeFinish();
}

void Drain::Leave(Resident& resident, const DrainReport& report) {
  report_.completed += report.completed;
  report_.refused += report.refused;
  report_.aborted += report.aborted;
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

}  // namespace rain
