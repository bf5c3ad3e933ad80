// MessageCodec: how messages of the user's type are written in packets.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/header_codec.h"

namespace rain {

// Thread: any, several at once; must not block, for who encodes may hold a loop. What these throw is caught and becomes
// INVALID_ARGUMENT.
template <class M>
class MessageCodec : public HeaderCodec {
 public:
  // Writes the whole payload, the header's fields included. header.id is the request's where this is a reply, and may be empty
  // where the transport gives it: WriteHeader follows then. Errors: end this message only.
  virtual absl::Status EncodeMessage(const MessageHeader& header, const M& message, PayloadWriter& to) const = 0;

  // `payload` is the whole packet's payload, header bytes included. The message may keep it, or slices of it.
  // Errors: INVALID_ARGUMENT if it cannot be decoded.
  virtual absl::StatusOr<M> DecodeMessage(const MessageHeader& header, Payload&& payload) const = 0;

  // The id that the message carries; asked only if traits().ids is carried. Empty is refused as INVALID_ARGUMENT.
  virtual MsgId IdOf(const M& message) const = 0;

  // What the message asks for. Borrowed from the message.
  virtual Route RouteOf(const M& message) const = 0;
};

}  // namespace rain
