// HeaderCodec: what the engine needs of a message codec, and nothing of the user's type.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/message_header.h"
#include "listenrain/framework/payload_writer.h"

namespace rain {

// Where msgIDs come from.
enum class IdPolicy {
  assigned,  // 64-bit integers, given by the transport as packets leave
  carried,   // read from the message with IdOf
  in_order,  // none on the wire: replies come in the order of the requests
};

// What the engine has to know of a wire before it meets a message.
struct CodecTraits {
  IdPolicy ids = IdPolicy::assigned;
  // The kinds that the wire can tell apart. 0: none; then acceptors read requests and dialers replies.
  KindSet kinds = 0;
  // Bytes at a payload's start that WriteHeader patches and PeekHeader reads; at most PayloadWriter::kReservedAtBegin.
  // They are always in the payload's first piece.
  size_t header_bytes = 0;
  // 1, 2, 4 or 8: a received payload's first byte lies on a multiple of it.
  size_t payload_alignment = 1;

  bool Has(MessageKind kind) const { return (kinds & Bit(kind)) != 0; }
};

// One object serves all transports of a protocol. Thread: any, several at once; must not block.
class HeaderCodec {
 public:
  virtual ~HeaderCodec() = default;

  // Constant.
  virtual const CodecTraits& traits() const = 0;

  // Writes what became known since the message was encoded (id, remaining time) over the payload's first header_bytes.
  // Called for requests encoded before their id was assigned, as the packet leaves. For kinds that are a header alone (cancel,
  // ping, pong, go_away) it writes the whole header, over bytes of no meaning.
  virtual void WriteHeader(const MessageHeader& header, absl::Span<char> first) const = 0;

  // Cheap: on the loop, for each packet. In-order codecs leave the id empty.
  // Errors: INVALID_ARGUMENT if the payload is no message: it is dropped and counted.
  virtual absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role role) const = 0;

  // The error reply to the request whose id the header has. Called only if traits() have the kind error.
  virtual absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const = 0;
  // The status in an error reply; never OK.
  virtual absl::Status DecodeError(const MessageHeader& header, const Payload& payload) const = 0;
};

}  // namespace rain
