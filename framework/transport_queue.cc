// Transport: its queue: who waits for room there, what goes in, and what leaves next.
#include <utility>

#include "listenrain/framework/guarded.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {

// A queue that throws has lost its sense of what it holds: the transport ends.
void Transport::Enqueue(Outgoing& outgoing) {
  const absl::Status status = Guarded("the queue", [&] {
    queue().Push(outgoing);
    return absl::OkStatus();
  });
  if (status.ok()) return;
  outgoing.stage = Stage::submitted;
  if (outgoing.header.kind != MessageKind::request) DropPost(outgoing);
  EndBecause(absl::InternalError(status.message()), FailureReason::part_failed);
}

// Moves what waits into the link's output while there is room: first what is owed to the peer, then the queue.
void Transport::Pump() {
  const absl::Status status = Guarded("the queue", [this] {
    PumpAll();
    return absl::OkStatus();
  });
  if (!status.ok()) EndBecause(absl::InternalError(status.message()), FailureReason::part_failed);
  WatchBacklog();
}

void Transport::PumpAll() {
  while (link_ != nullptr && !ended_ && link_->CanWrite()) {
    if (Outgoing* answer = answers_.PopFront()) {
      answers_bytes_ -= answer->size;
      WriteAnswer(*answer);
      continue;
    }
    if (nothing_queued() || holding_ || !WindowHas(0)) break;
    Outgoing* next = queue().Pop();
    if (next == nullptr) break;
    if (next->header.kind == MessageKind::request && !WindowHas(next->size)) {
      queue().PushFront(*next);
      break;
    }
    WriteQueued(*next);
  }
}

// A user's queue is asked under guard only.
void Transport::PumpQueue() {
  if (!built_in_queue_ || !nothing_queued()) Pump();
}

// No request of ours is without its outcome, and nothing waits to be sent. False if the queue threw: the transport has ended.
bool Transport::AsksNothing() {
  if (requests_ != nullptr && requests_->size() > 0) return false;
  const absl::StatusOr<bool> empty = Guarded("the queue", [this]() -> absl::StatusOr<bool> { return nothing_queued(); });
  if (!empty.ok()) EndBecause(absl::InternalError(empty.status().message()), FailureReason::part_failed);
  return empty.ok() && *empty;
}

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
  if (ended_ || (waiters_.empty() && !when_room_.made())) return;
  TakeRoom();
  Pump();
  if (box_->budget().half_free()) TellRoom();
}

void Transport::WhenRoom(absl::AnyInvocable<void() &&> told) {
  when_room_->push_back(std::move(told));
  OnRoom();
}

void Transport::TellRoom() {
  for (auto& told : when_room_.Take()) box_->RunForUser(std::move(told));
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
    if (requests().Pop(waiter.token) != nullptr) {
      Fail(waiter, At(box_->key().text(), why), FailureReason::connect_failed);
    }
  }
}

}  // namespace rain
