#include "listenrain/framework/delivery.h"

#include "listenrain/framework/dispatcher.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/responder.h"
#include "listenrain/framework/shard.h"

namespace rain {

absl::Status Late() { return absl::DeadlineExceededError("the request's time was over before its handler began"); }

void Tell(Completion& completion, Reply&& reply) {
  GuardedAndLogged("a request's completion", [&] { completion.OnReply(std::move(reply)); });
}

void Tell(Completion& completion, const MsgId& id, absl::Status why) {
  GuardedAndLogged("a request's completion", [&] { completion.OnFailure(id, std::move(why)); });
}

void HandleNow(const RequestSink& sink, Incoming&& incoming) {
  GuardedAndLogged("a request's handler", [&] { sink.OnRequest(std::move(incoming)); });
}

void Delivery::Complete(absl::Status why) {
  Outgoing& request = *std::exchange(request_, nullptr);
  if (why.ok()) {
    Tell(*request.completion, Reply{std::move(incoming_.header), std::move(incoming_.payload)});
  } else {
    Tell(*request.completion, request.header.id, std::move(why));
  }
  request.box->shard().nodes().Recycle(request);
}

bool Delivery::Expired() const {
  return !incoming_.deadline.infinite() && incoming_.box->shard().loop().clock().Now() >= incoming_.deadline;
}

void Delivery::Run() {
  if (request_ != nullptr) return Complete(std::move(why_));
  if (sink_ == nullptr) return;
  const auto sink = std::exchange(sink_, nullptr);
  if (of_channel_) return TellOfChannel(*sink);
  if (Expired()) {
    PostBox& box = *incoming_.box;
    box.shard().DispatcherOf(box.shared_protocol()).counters.expired.AddShared();
    Answer answer(incoming_);
    return answer.Fail(Late()).IgnoreError();  // it says so to whom has gone
  }
  HandleNow(*sink, std::move(incoming_));
}

void Delivery::TellOfChannel(const RequestSink& sink) {
  const Ref<PostBox> box = std::move(incoming_.box);
  const bool began = why_.ok();
  GuardedAndLogged("a connection's handler", [&] { began ? sink.OnConnected(box) : sink.OnDisconnected(box, std::move(why_)); });
  if (!began && box->gone()) box->ClearSession();
}

void Delivery::Drop() {
  if (request_ != nullptr) {
    Complete(why_.ok() ? absl::CancelledError("the executor ended before the outcome could be told") : std::move(why_));
  } else if (sink_ != nullptr) {
    const auto sink = std::exchange(sink_, nullptr);
    if (of_channel_) return incoming_.box->ClearSession();  // nobody is left to use it
    GuardedAndLogged("a request's handler", [&] { sink->OnDropped(std::move(incoming_)); });
  }
}

}  // namespace rain
