#include "listenrain/framework/deadline_line.h"

namespace rain {

void DeadlineLine::Arm(Outgoing& request) {
  if (request.deadline.infinite()) return;
  if (!line_.empty() && request.deadline < line_.back()->deadline) return loop_.timers().Arm(request, request.deadline);
  line_.PushBack(request);
  // The timer that is armed may be that of a request long answered, and later than this one.
  if (!armed() || request.deadline < due_) ArmTimer(request.deadline);
}

void DeadlineLine::ArmTimer(Instant due) {
  due_ = due;
  loop_.timers().Arm(*this, due);
}

void DeadlineLine::Cancel(Outgoing& request) {
  if (request.deadline_hook.linked) {
    line_.Remove(request);
  } else {
    loop_.timers().Cancel(request);
  }
}

void DeadlineLine::OnTimer() {
  while (!line_.empty() && line_.front()->deadline <= loop_.now()) {
    Outgoing& request = *line_.PopFront();
    request.owner->OnDeadline(request);
  }
  if (!line_.empty() && !armed()) ArmTimer(line_.front()->deadline);
}

}  // namespace rain
