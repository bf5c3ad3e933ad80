// TransportHandle: asks one transport: callbacks, stat machines, coroutines, blocking calls, one-way messages.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/baton.h"
#include "listenrain/framework/connection.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/handover.h"
#include "listenrain/framework/outgoing.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/protocol_register_table.h"
#include "listenrain/framework/send_awaiter.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/stat_machine.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/sync_waiter.h"

namespace rain {

template <class M>
using Callback = absl::AnyInvocable<void(absl::StatusOr<M>) &&>;

// The message in a reply, or the status in an error reply.
template <class M>
absl::StatusOr<M> MessageOf(const MessageCodec<M>& codec, Reply&& reply) {
  if (reply.header.kind != MessageKind::error) return DecodeGuarded(codec, reply.header, std::move(reply.payload));
  absl::Status error =
      Guarded("the message codec, decoding an error,", [&] { return codec.DecodeError(reply.header, reply.payload); });
  if (error.ok()) error = absl::UnknownError("the peer replied with an error that says OK");
  return WithBytesSent(WithOrigin(std::move(error), Origin::peer), BytesSent::all);
}

// Tells a request's outcome to a callback.
template <class M>
class CallbackCompletion final : public Completion {
 public:
  CallbackCompletion(Callback<M> callback, const MessageCodec<M>& codec) : callback_(std::move(callback)), codec_(codec) {}
  void OnReply(Reply&& reply) override { std::move(callback_)(MessageOf(codec_, std::move(reply))); }
  void OnFailure(const MsgId&, absl::Status why) override { std::move(callback_)(std::move(why)); }

 private:
  Callback<M> callback_;
  const MessageCodec<M>& codec_;
};

// Tells a request's outcome to a stat machine, which is borrowed until then.
template <class M>
class StatMachineCompletion final : public Completion {
 public:
  StatMachineCompletion(StatMachine<M>& machine, const MessageCodec<M>& codec) : machine_(machine), codec_(codec) {}
  void OnReply(Reply&& reply) override {
    const MsgId id = reply.header.id;
    absl::StatusOr<M> message = MessageOf(codec_, std::move(reply));
    if (message.ok()) {
      machine_.Process(id, *std::move(message));
    } else {
      machine_.Fail(id, message.status());
    }
  }
  void OnFailure(const MsgId& id, absl::Status why) override {
    if (absl::IsDeadlineExceeded(why)) {
      machine_.Timeout(id);
    } else {
      machine_.Fail(id, std::move(why));
    }
  }

 private:
  StatMachine<M>& machine_;
  const MessageCodec<M>& codec_;
};

// A cheap value; from ListenRain::Open, or for a peer that asked, from its CallContext. Outlives its transport: then every call
// returns UNAVAILABLE. Thread: any.
template <class M>
class TransportHandle {
 public:
  TransportHandle(Protocol<M> protocol, Ref<PostBox> box) : protocol_(std::move(protocol)), box_(std::move(box)) {}
  // Of the peer that a handler was asked by, or that a listener has.
  TransportHandle(Protocol<M> protocol, const Connection& connection) : TransportHandle(std::move(protocol), connection.box()) {}

  // Dials if need be, and tells once, on the executor: OK as soon as there is a channel; else why the attempt to connect failed.
  void Ready(absl::AnyInvocable<void(absl::Status) &&> told) const {
    box_->WhenReady([box = box_, told = std::move(told)](absl::Status status) mutable {
      box->RunForUser([told = std::move(told), status = std::move(status)]() mutable { std::move(told)(std::move(status)); });
    });
  }
  // The same, and waits. Errors beside those: FAILED_PRECONDITION this thread runs a loop, which must not wait.
  absl::Status SyncReady() const {
    if (Baton::AnyHeldHere()) return MustNotWait("SyncReady");
    const auto ready = std::make_shared<Handover<absl::Status>>();
    box_->WhenReady([ready](absl::Status status) { ready->Put(std::move(status)); });
    return ready->Take();
  }

  // Asks. Exactly one outcome is told, on the executor, if OK is returned; else nothing is called.
  // Errors: RESOURCE_EXHAUSTED the queue is full (see Overflow), or the message too large; ALREADY_EXISTS the msgID is in flight;
  // UNAVAILABLE the transport is gone; CANCELLED stopped; INVALID_ARGUMENT the message cannot be encoded; DEADLINE_EXCEEDED its
  // time was over already.
  absl::Status Send(const M& message, Callback<M> callback, const SendOptions& options = {}) const {
    return Ask(message, options,
               [&](Outgoing& node) { node.Emplace<CallbackCompletion<M>>(std::move(callback), *protocol_.codec()); });
  }
  // `machine` is borrowed until its outcome.
  absl::Status Send(const M& message, StatMachine<M>& machine, const SendOptions& options = {}) const {
    return Ask(message, options, [&](Outgoing& node) { node.Emplace<StatMachineCompletion<M>>(machine, *protocol_.codec()); });
  }

  // For coroutines: `absl::StatusOr<M> reply = co_await server.CoSend(message)`. Asks when awaited; see SendAwaiter. This handle
  // and the message are borrowed until the coroutine goes on. Errors: those of Send, and the outcome's.
  SendAwaiter<M> CoSend(const M& message ABSL_ATTRIBUTE_LIFETIME_BOUND, const SendOptions& options = {}) const {
    return SendAwaiter<M>(*this, message, options);
  }

  // Asks and waits: for the reply, or the outcome's error. Who waits is told of a refusal as of any other outcome (BytesSentOf,
  // OriginOf). Errors beside those: FAILED_PRECONDITION this thread runs a loop, which must not wait.
  absl::StatusOr<M> SyncSend(const M& message, const SendOptions& options = {}) const {
    if (Baton::AnyHeldHere()) return Unsent(MustNotWait("SyncSend"));
    SyncWaiter waiter;
    Submission submission = Describe(MessageKind::request, options);
    if (absl::Status status = Submit(submission, message, &waiter); !status.ok()) return Unsent(std::move(status));
    absl::StatusOr<Reply> reply = waiter.Wait();
    if (!reply.ok()) return std::move(reply).status();
    return MessageOf(*protocol_.codec(), *std::move(reply));
  }

  // One way: OK means accepted. Errors beside those of Send: FAILED_PRECONDITION the codec has no one-way messages.
  absl::Status Post(const M& message, const SendOptions& options = {}) const {
    if (!protocol_.parts()->traits.Has(MessageKind::one_way)) {
      return absl::FailedPreconditionError(
          absl::StrCat("protocol \"", protocol_.parts()->name, "\" has no one-way messages on its wire"));
    }
    Submission submission = Describe(MessageKind::one_way, options);
    return Submit(submission, message);
  }

  // For who was refused since the queue is full: calls `told` once, on the executor, when half of the queue is free and nobody
  // waits for room, which may be at once; or when the transport has ended, so that the next Send says why.
  void WhenRoom(absl::AnyInvocable<void() &&> told) const { box_->WhenRoom(std::move(told)); }

  Connection connection() const { return Connection(box_); }
  const PostBox& box() const { return *box_; }

 private:
  static absl::Status MustNotWait(const char* what) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " on a thread that runs a loop would stop that loop: use Send with a callback, or another executor"));
  }
  static absl::Status Unsent(absl::Status why) {
    return WithOrigin(WithBytesSent(std::move(why), BytesSent::none), Origin::local);
  }
  friend class SendAwaiter<M>;

  template <class Make>
  absl::Status Ask(const M& message, const SendOptions& options, const Make& make) const {
    Submission submission = Describe(MessageKind::request, options);
    const absl::FunctionRef<void(Outgoing&)> make_ref = make;
    submission.make = &make_ref;
    return Submit(submission, message);
  }

  Submission Describe(MessageKind kind, const SendOptions& options) const {
    Submission submission;
    submission.header.kind = kind;
    if (kind == MessageKind::request) {
      submission.header.remaining = options.timeout != absl::ZeroDuration() ? options.timeout : protocol_.parts()->timeout;
    }
    submission.idempotent = options.idempotent;
    submission.wait_for_ready = options.wait_for_ready;
    submission.wait_for_room = kind == MessageKind::request && options.on_overflow == Overflow::wait;
    submission.priority = options.priority;
    submission.cancellation = options.cancellation;
    return submission;
  }

  // `waiter`: who waits for the outcome, or null.
  absl::Status Submit(Submission& submission, const M& message, SyncWaiter* waiter = nullptr) const {
    if (submission.is_request() && protocol_.parts()->traits.ids == IdPolicy::carried) {
      absl::StatusOr<MsgId> id = Guarded("the message codec, asked for an id,",
                                         [&]() -> absl::StatusOr<MsgId> { return protocol_.codec()->IdOf(message); });
      if (!id.ok()) return id.status();
      if (id->empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("protocol \"", protocol_.parts()->name, "\" carries ids, and this message has none"));
      }
      submission.header.id = *std::move(id);
    }
    const auto encode = [&](const MessageHeader& header, PayloadWriter& to) {
      return protocol_.codec()->EncodeMessage(header, message, to);
    };
    absl::Status status = waiter == nullptr ? box_->Submit(submission, encode) : waiter->Submit(*box_, submission, encode);
    if (!status.ok() && submission.is_request()) box_->counters().refused.AddShared();
    return status;
  }

  Protocol<M> protocol_;
  Ref<PostBox> box_;
};

}  // namespace rain
