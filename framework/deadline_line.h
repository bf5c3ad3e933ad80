// DeadlineLine: the deadlines of one transport's requests. Requests with one timeout come in the order of their deadlines, so
// they stand in line behind one timer; arming and cancelling cost no heap operation then.
#pragma once

#include "listenrain/framework/loop.h"
#include "listenrain/framework/outgoing.h"

namespace rain {

// One per transport. Thread: loop. Requests are borrowed until their deadline or Cancel; each has its owner set.
class DeadlineLine final : private Timer {
 public:
  explicit DeadlineLine(Loop& loop) : loop_(loop) {}

  // At its deadline, the request's owner is told. Never early.
  void Arm(Outgoing& request);
  // No effect on a request that is not armed.
  void Cancel(Outgoing& request);

 private:
  // The timer may be earlier than the first in line, whose predecessors were cancelled: then it is armed again.
  void OnTimer() override;
  void ArmTimer(Instant due);

  Loop& loop_;
  Instant due_;  // of the timer, while it is armed
  IntrusiveList<Outgoing, &Outgoing::deadline_hook> line_;
};

}  // namespace rain
