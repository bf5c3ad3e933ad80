// The raw message codec: an id of fixed width, then bytes. The wire of the original Go program's benchmark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/message_codec.h"

namespace rain {

// Moved, not copied. In a reply the id may be left empty: it gets the request's. A received body is slices of the blocks it
// arrived in, which it keeps in memory.
struct RawMessage {
  std::string id{};
  Payload body{};

  // The body as one string, copied.
  std::string text() const { return ToString(body); }
};

struct RawMessageOptions {
  size_t id_bytes = 36;  // of every id: 1 to 256
};

// Ids are carried, and are any bytes; an id of another width is INVALID_ARGUMENT. The wire has no kinds: acceptors read requests,
// dialers replies, and there is no error reply. One handler: messages have no route. Bodies are never copied by decoding, nor,
// from 16 KiB on, by encoding. It frames nothing: use it with a packet codec, as a rule the length prefix.
std::shared_ptr<const MessageCodec<RawMessage>> NewRawMessageCodec();

// Errors: INVALID_ARGUMENT if the width is none of these.
absl::StatusOr<std::shared_ptr<const MessageCodec<RawMessage>>> NewRawMessageCodec(const RawMessageOptions& options);

// The number in decimal, with spaces before it: an id such as the original program counts up. Its last digits if it has more.
std::string RawMessageId(uint64_t number, size_t id_bytes = RawMessageOptions().id_bytes);

}  // namespace rain
