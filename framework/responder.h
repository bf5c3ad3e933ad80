// Responder: the duty to answer one request: now, later, from any thread, also after its transport is gone.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "listenrain/framework/delivery.h"
#include "listenrain/framework/message_codec.h"
#include "listenrain/framework/post_box.h"

namespace rain {

// The part of a responder that does not depend on the message's type. Move-only. Thread: one at a time.
class Answer {
 public:
  // Takes the message's box. A one-way message gets no answer, and weighs until this goes.
  explicit Answer(Incoming& incoming)
      : box_(std::move(incoming.box)),
        id_(incoming.header.id),
        bytes_(incoming.bytes),
        channel_(incoming.channel),
        one_way_(incoming.header.kind == MessageKind::one_way) {}
  Answer(Answer&& other) noexcept
      : box_(std::move(other.box_)),
        id_(std::move(other.id_)),
        bytes_(std::exchange(other.bytes_, 0)),
        channel_(other.channel_),
        one_way_(other.one_way_) {}
  Answer& operator=(Answer&&) = delete;
  // Unanswered: an error reply says so.
  ~Answer();

  // False for one-way messages, and once answered.
  bool expected() const { return bytes_ > 0 && !one_way_; }

  // Errors: FAILED_PRECONDITION no answer is expected (any more); UNAVAILABLE the transport is gone. A reply that cannot be
  // encoded or is too large returns why, and the caller gets an error reply instead.
  absl::Status Send(Encode encode);
  absl::Status Fail(const absl::Status& why);

 private:
  absl::Status SendError(const absl::Status& why);
  absl::Status CheckExpected() const;
  // The channel that the request came on is gone.
  bool lost() const { return box_->gone() || box_->channel() != channel_; }

  Ref<PostBox> box_;
  MsgId id_;
  size_t bytes_;
  uint32_t channel_;
  bool one_way_;
};

template <class M>
class Responder {
 public:
  // Made by the router. `codec` lives as long as the box's protocol.
  Responder(Incoming& incoming, const MessageCodec<M>& codec) : answer_(incoming), codec_(&codec) {}

  bool expected() const { return answer_.expected(); }
  // Errors: see Answer::Send. The request's id goes on the reply by itself.
  absl::Status Reply(const M& message) {
    return answer_.Send(
        [&](const MessageHeader& header, PayloadWriter& to) { return codec_->EncodeMessage(header, message, to); });
  }
  // The caller's outcome is this error, its origin the peer.
  absl::Status Fail(const absl::Status& why) { return answer_.Fail(why); }

 private:
  Answer answer_;
  const MessageCodec<M>* codec_;
};

}  // namespace rain
