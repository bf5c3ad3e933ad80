// Transport: requests that wait for room in the full queue, and those who asked to be told of room.
#include <utility>

#include "listenrain/framework/guarded.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {

// Its deadline, its caller or the transport's end may be first, as anywhere. Room may have come since it found none.
void Transport::AwaitRoom(Outgoing& request) {
  counters_.waited.Add();
  request.stage = Stage::waiting;
  waiters_.PushBack(request);
  TakeRoom();
}

// Takes those who wait into the queue, in the order in which they came, as long as there is room for the next.
void Transport::TakeRoom() {
  box_->budget().Await();  // first, so that nothing is missed that is released from here on
  while (!waiters_.empty() && box_->budget().ChargeWaiting(waiters_.front()->size)) {
    Outgoing& request = *waiters_.PopFront();
    request.waits = false;
    request.charged = true;
    request.stage = Stage::queued;
    Enqueue(request);  // if the queue throws, the transport ends, and all that wait with it
  }
}

void Transport::OnRoom() {
  if (ended_ || (waiters_.empty() && when_room_.empty())) return;
  TakeRoom();
  Pump();
  if (box_->budget().half_free()) TellRoom();
}

void Transport::WhenRoom(absl::AnyInvocable<void() &&> told) {
  when_room_.push_back(std::move(told));
  OnRoom();
}

void Transport::TellRoom() {
  for (auto& told : std::exchange(when_room_, {})) box_->RunForUser(std::move(told));
}

// The other side is down: those who would not wait for that fail.
void Transport::FailWaiters(const absl::Status& why) {
  for (size_t left = waiters_.size(); left > 0 && !waiters_.empty(); --left) {
    Outgoing& waiter = *waiters_.PopFront();
    if (waiter.wait_for_ready) {
      waiters_.PushBack(waiter);
      continue;
    }
    waiter.stage = Stage::submitted;
    if (requests_->Pop(waiter.token) != nullptr) Fail(waiter, At(box_->key().text(), why));
  }
}

}  // namespace rain
