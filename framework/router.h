// Router: which handler takes which message.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/call_context.h"
#include "listenrain/framework/delivery.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/responder.h"
#include "listenrain/framework/task_handler.h"

namespace rain {

// Filled by the user, then moved into Listen or a ProtocolSpec and never changed. Handlers run on the executor, several at once;
// one that throws, or lets its responder go unanswered, answers with an error.
template <class M>
class Router {
 public:
  // Takes them by value: (M, CallContext, Responder<M>).
  using Handler = absl::AnyInvocable<void(M&&, CallContext&&, Responder<M>&&) const>;

  // The last handler of a method or command counts. A coroutine is one too: `Task<absl::StatusOr<M>>(M, CallContext)`.
  Router& On(int64_t method, Handler handler) {
    by_method_.insert_or_assign(method, std::move(handler));
    return *this;
  }
  Router& On(absl::string_view command, Handler handler) {
    by_command_.insert_or_assign(std::string(command), std::move(handler));
    return *this;
  }
  Router& On(int64_t method, TaskHandler<M> handler) { return On(method, Answering(std::move(handler))); }
  Router& On(absl::string_view command, TaskHandler<M> handler) { return On(command, Answering(std::move(handler))); }
  // For every other message; without it they end as NOT_FOUND.
  Router& Otherwise(Handler handler) {
    otherwise_ = std::move(handler);
    return *this;
  }
  Router& Otherwise(TaskHandler<M> handler) { return Otherwise(Answering(std::move(handler))); }

  // Called for each channel: before the first request that comes on it, and after the last, with the reason. Where the executor
  // runs several tasks at once, so may these; a serial one keeps the order.
  Router& OnConnect(absl::AnyInvocable<void(Connection) const> handler) {
    on_connect_ = std::move(handler);
    return *this;
  }
  Router& OnDisconnect(absl::AnyInvocable<void(Connection, absl::Status) const> handler) {
    on_disconnect_ = std::move(handler);
    return *this;
  }

  bool takes_messages() const { return !by_method_.empty() || !by_command_.empty() || otherwise_; }
  bool watches_connections() const { return on_connect_ || on_disconnect_; }
  // Null: nobody takes it.
  const Handler* Find(const Route& route) const {
    if (const auto* method = std::get_if<int64_t>(&route)) {
      const auto found = by_method_.find(*method);
      if (found != by_method_.end()) return &found->second;
    } else if (const auto* command = std::get_if<absl::string_view>(&route)) {
      const auto found = by_command_.find(*command);
      if (found != by_command_.end()) return &found->second;
    }
    return otherwise_ ? &otherwise_ : nullptr;
  }

 private:
  static Handler Answering(TaskHandler<M> handler) {
    return [shared = std::make_shared<const TaskHandler<M>>(std::move(handler))](M&& message, CallContext&& context,
                                                                                 Responder<M>&& responder) {
      AnswerByTask<M>(shared, std::move(message), std::move(context), std::move(responder));
    };
  }

  absl::flat_hash_map<int64_t, Handler> by_method_;
  absl::flat_hash_map<std::string, Handler> by_command_;
  Handler otherwise_;
  absl::AnyInvocable<void(Connection) const> on_connect_;
  absl::AnyInvocable<void(Connection, absl::Status) const> on_disconnect_;

  template <class>
  friend class RouterSink;
};

// "method 7", "command \"x\"", "no method".
std::string ToString(const Route& route);

// Decoding guarded against what the codec throws.
template <class M>
absl::StatusOr<M> DecodeGuarded(const MessageCodec<M>& codec, const MessageHeader& header, Payload&& payload) {
  return Guarded("the message codec, decoding,", [&] { return codec.DecodeMessage(header, std::move(payload)); });
}

// The typed edge of the serving side.
template <class M>
class RouterSink final : public RequestSink {
 public:
  RouterSink(Router<M> router, std::shared_ptr<const MessageCodec<M>> codec)
      : router_(std::move(router)), codec_(std::move(codec)) {}

  void OnRequest(Incoming&& incoming) const override {
    CallContext context(std::move(incoming.context), incoming.header, incoming.channel);
    Responder<M> responder(incoming, *codec_);
    absl::StatusOr<M> message = DecodeGuarded(*codec_, incoming.header, std::move(incoming.payload));
    if (!message.ok()) {
      if (responder.expected()) (void)responder.Fail(message.status());
      return;
    }
    const Route route = codec_->RouteOf(*message);
    if (const auto* handler = router_.Find(route))
      return (*handler)(*std::move(message), std::move(context), std::move(responder));
    if (responder.expected())
      (void)responder.Fail(absl::NotFoundError(absl::StrCat("no handler for ", ToString(route), " here")));
  }

  void OnDropped(Incoming&& incoming) const override {
    Answer answer(incoming);
    if (answer.expected()) (void)answer.Fail(absl::CancelledError("the server's executor ended before the request was handled"));
  }

  bool watches_connections() const override { return router_.watches_connections(); }
  void OnConnected(const Ref<PostBox>& box) const override {
    if (router_.on_connect_) router_.on_connect_(Connection(box));
  }
  void OnDisconnected(const Ref<PostBox>& box, absl::Status why) const override {
    if (router_.on_disconnect_) router_.on_disconnect_(Connection(box), std::move(why));
  }

 private:
  const Router<M> router_;
  const std::shared_ptr<const MessageCodec<M>> codec_;
};

}  // namespace rain
