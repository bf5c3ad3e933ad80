// Delivery: something that user code is to be told: a request's outcome, a peer's request, a channel's begin or end.
#pragma once

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/message_header.h"
#include "listenrain/framework/outgoing.h"
#include "listenrain/framework/post_box.h"

namespace rain {

// A peer's request or one-way message, whole.
struct Incoming {
  Ref<PostBox> box;      // of the transport it came on, for the answer
  Ref<PostBox> context;  // the same, for the handler's context
  MessageHeader header;
  Payload payload;
  size_t bytes = 0;                        // what it weighs until it is answered, or as a one-way message handled; never 0
  uint32_t channel = 0;                    // the transport's channel that it came on, by number
  Instant deadline = Instant::Infinite();  // of its caller, counted from the arrival; infinite where it must be handled anyway
};

// Takes peers' requests: decodes and routes them. Made by the typed edge. Thread: executor, several at once.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  virtual void OnRequest(Incoming&& incoming) const = 0;
  // Instead, if the executor ended before: answers CANCELLED.
  virtual void OnDropped(Incoming&& incoming) const = 0;
  // True if it shall be told when a channel begins and ends: before the first of its requests, and after the last.
  virtual bool watches_connections() const { return false; }
  virtual void OnConnected(const Ref<PostBox>&) const {}
  virtual void OnDisconnected(const Ref<PostBox>&, absl::Status) const {}
};

// Thread: made on the loop, run once on the executor. Destroyed unrun, it ends its request as CANCELLED.
class Delivery {
 public:
  // The outcome of a request that has left every table: `reply` if `why` is OK.
  Delivery(Outgoing& request, MessageHeader header, Payload payload, absl::Status why)
      : request_(&request), why_(std::move(why)), incoming_{nullptr, nullptr, std::move(header), std::move(payload)} {}
  Delivery(std::shared_ptr<const RequestSink> sink, Incoming incoming) : sink_(std::move(sink)), incoming_(std::move(incoming)) {}
  // That a channel began (OK), or of what it ended.
  Delivery(std::shared_ptr<const RequestSink> sink, Ref<PostBox> box, absl::Status why)
      : why_(std::move(why)), sink_(std::move(sink)), of_channel_(true) {
    incoming_.box = std::move(box);
  }
  Delivery() = default;
  Delivery(Delivery&& other) noexcept
      : request_(std::exchange(other.request_, nullptr)),
        why_(std::move(other.why_)),
        sink_(std::move(other.sink_)),
        of_channel_(other.of_channel_),
        incoming_(std::move(other.incoming_)) {}
  Delivery& operator=(Delivery&& other) noexcept {
    Drop();
    request_ = std::exchange(other.request_, nullptr);
    why_ = std::move(other.why_);
    sink_ = std::move(other.sink_);
    of_channel_ = other.of_channel_;
    incoming_ = std::move(other.incoming_);
    return *this;
  }
  ~Delivery() { Drop(); }

  // Calls user code, whose exceptions are caught and logged.
  void Run();

 private:
  void Drop();
  void Complete(absl::Status why);
  void TellOfChannel(const RequestSink& sink);
  bool Expired() const;

  Outgoing* request_ = nullptr;
  absl::Status why_;
  std::shared_ptr<const RequestSink> sink_;
  bool of_channel_ = false;
  Incoming incoming_;
};

// What a peer's request is answered that comes to its handler too late.
absl::Status Late();

// Calls the sink. What it throws is logged.
void HandleNow(const RequestSink& sink, Incoming&& incoming);

// Tells a completion its outcome. What it throws is logged.
void Tell(Completion& completion, Reply&& reply);
void Tell(Completion& completion, const MsgId& id, absl::Status why);

}  // namespace rain
