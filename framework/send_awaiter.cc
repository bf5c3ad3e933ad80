#include "listenrain/framework/send_awaiter.h"

namespace rain {

// The coroutine looks at what it is given before it does anything else.
void SendSuspension::Outcome::OnReply(Reply&& reply) {
  SendSuspension* const waiting = Take();
  if (waiting == nullptr) return;
  waiting->outcome_ = nullptr;
  waiting->reply_ = &reply;
  waiting->coroutine_.resume();  // which ends `waiting`
}

void SendSuspension::Outcome::OnFailure(const MsgId&, absl::Status why) {
  SendSuspension* const waiting = Take();
  if (waiting == nullptr) return;
  waiting->Refuse(std::move(why));
  waiting->coroutine_.resume();
}

void SendSuspension::Abandon() {
  SendSuspension* const waiting = outcome_->Take();
  assert(waiting == this && "a coroutine was destroyed on one thread while another resumed it");
  if (waiting != nullptr) box_->Cancel(token_);
}

}  // namespace rain
