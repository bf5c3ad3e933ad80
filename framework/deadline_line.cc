#include "listenrain/framework/deadline_line.h"

namespace rain {

void DeadlineLine::Arm(Outgoing& request) {
  if (request.deadline.infinite()) return;
  if (!line_.empty() && request.deadline < line_.back()->deadline) return loop_.timers().Arm(request, request.deadline);
  line_.PushBack(request);
  if (!armed()) loop_.timers().Arm(*this, request.deadline);
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
  if (!line_.empty() && !armed()) loop_.timers().Arm(*this, line_.front()->deadline);
}

}  // namespace rain
