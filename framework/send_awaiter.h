// SendAwaiter: what a coroutine awaits to ask a transport: `co_await server.CoSend(message)`.
#pragma once

#include <cassert>
#include <coroutine>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/completion.h"
#include "listenrain/framework/outgoing.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/shard.h"

namespace rain {

template <class M>
class TransportHandle;

// A coroutine that waits for its request's outcome. Lives in its frame.
//
// The frame may be destroyed while it is suspended here: the request is cancelled then, and nothing touches the frame any more.
// Whoever destroys it sees to it that it does not run, as with any coroutine: where several threads may resume it, by doing so in
// the order of a serial executor, or on the loop of an inline one. (A Cancellation needs no such care.)
class SendSuspension {
 public:
  SendSuspension() = default;
  SendSuspension(const SendSuspension&) = delete;
  SendSuspension& operator=(const SendSuspension&) = delete;

  // The engine's side: in the request's own node, so that it outlives the frame.
  class Outcome final : public Completion {
   public:
    explicit Outcome(SendSuspension& waiting) : waiting_(&waiting) {}
    void OnReply(Reply&& reply) override;
    void OnFailure(const MsgId& id, absl::Status why) override;

   private:
    friend class SendSuspension;
    // Either the outcome takes the coroutine, to resume it, or the frame's end does; the other gets null.
    SendSuspension* Take() { return waiting_.exchange(nullptr, std::memory_order_acq_rel); }

    Atomic<SendSuspension*> waiting_;
  };

 protected:
  ~SendSuspension() {
    if (outcome_ != nullptr) Abandon();
  }

  // Before the request is in anybody's hands.
  void Wait(std::coroutine_handle<> coroutine, Outgoing& node, PostBox& box) {
    coroutine_ = coroutine;
    node.Emplace<Outcome>(*this);
    outcome_ = static_cast<Outcome*>(node.completion);
    token_ = node.token;
    box_ = &box;
  }
  // The request was refused: nothing will be told.
  void Refuse(absl::Status why) {
    outcome_ = nullptr;
    failure_ = std::move(why);
  }

  Reply* reply_ = nullptr;  // of a coroutine that has just been resumed; null: see failure_
  absl::Status failure_;

 private:
  void Abandon();

  std::coroutine_handle<> coroutine_;
  Outcome* outcome_ = nullptr;  // null: nothing to wait for, or no longer
  Token token_ = 0;
  PostBox* box_ = nullptr;  // the transport handle's
};

// Lazy: nothing is sent before it is awaited, once. The coroutine goes on with the outcome on the protocol's executor, or at once
// if the request is refused. Allocates nothing. Thread: the coroutine's.
template <class M>
class [[nodiscard]] SendAwaiter final : private SendSuspension {
 public:
  // All but `options` are borrowed until the coroutine goes on.
  SendAwaiter(const TransportHandle<M>& transport, const M& message, const SendOptions& options)
      : transport_(&transport), message_(message), options_(options) {}
  SendAwaiter(absl::StatusOr<TransportHandle<M>> opened, const M& message, const SendOptions& options)
      : opened_(std::move(opened)), transport_(opened_.ok() ? &*opened_ : nullptr), message_(message), options_(options) {}

  bool await_ready() {
    if (transport_ == nullptr) failure_ = std::move(opened_).status();
    return transport_ == nullptr;
  }

  bool await_suspend(std::coroutine_handle<> coroutine) {
    PostBox& box = *transport_->box_;
    // From another thread's turn on, the coroutine may go on, and end with all that it holds, before Ask returns here.
    const Ref<PostBox> alive = box.shard().loop().InLoop() ? nullptr : Ref<PostBox>::Share(&box);
    absl::Status status = transport_->Ask(message_, options_, [&](Outgoing& node) { this->Wait(coroutine, node, box); });
    if (status.ok()) return true;
    this->Refuse(std::move(status));
    return false;
  }

  absl::StatusOr<M> await_resume() {
    if (reply_ == nullptr) return std::move(failure_);
    return MessageOf(*transport_->protocol_.codec(), std::move(*reply_));
  }

 private:
  absl::StatusOr<TransportHandle<M>> opened_;  // if it came by itself
  const TransportHandle<M>* const transport_;
  const M& message_;
  const SendOptions options_;
};

}  // namespace rain
