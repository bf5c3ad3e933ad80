// CallContext: what a handler knows of the request beside its message.
#pragma once

#include <utility>

#include "absl/time/time.h"
#include "listenrain/framework/connection.h"
#include "listenrain/framework/delivery.h"
#include "listenrain/framework/post_box.h"

namespace rain {

// A value; may be kept after the handler returned. Thread: any.
class CallContext {
 public:
  CallContext(Ref<PostBox> box, const MessageHeader& header, uint32_t channel)
      : box_(std::move(box)), remaining_(header.remaining), channel_(channel), id_(header.id) {}

  const PeerInfo& peer() const { return box_->peer(); }
  // The listener's key, or the dialed one.
  const TransportKey& key() const { return box_->key(); }
  const MsgId& id() const { return id_; }
  // Of the caller's deadline when it sent the request; infinite if the codec carries none.
  absl::Duration remaining() const { return remaining_; }
  // True if nobody waits for the reply any more.
  // The caller cancelled it or gave up (where the codec can say so), or its channel is gone.
  bool cancelled() const { return box_->cancelled(id_, channel_); }
  // Calls `told` once, on the protocol's executor, when that happens; at once, if it has; never, once the request is answered.
  void OnCancelled(absl::AnyInvocable<void() &&> told) const { box_->OnCancelled(id_, channel_, std::move(told)); }
  // The transport that the request came on: to ask and push back, and what is attached to it.
  Connection connection() const { return Connection(box_); }

 private:
  Ref<PostBox> box_;
  absl::Duration remaining_;
  uint32_t channel_;
  MsgId id_;
};

}  // namespace rain
