// The length-prefix packet codec: a length, then so many bytes of payload.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "listenrain/codecs/endian.h"
#include "listenrain/framework/packet_codec.h"

namespace rain {

// How the length is written.
struct LengthPrefixOptions {
  int width = 4;  // bytes of the length: 1, 2, 4 or 8
  ByteOrder order = ByteOrder::big;
  bool counts_itself = false;  // true: the length is of the whole packet, its own bytes included
};

// ListenRain's own framing: 4 bytes, big-endian, payload only (WIRE.md). A length of zero is an empty payload.
std::shared_ptr<const PacketCodec> NewLengthPrefixCodec();

// Errors: INVALID_ARGUMENT if the width is none of the four.
absl::StatusOr<std::shared_ptr<const PacketCodec>> NewLengthPrefixCodec(const LengthPrefixOptions& options);

}  // namespace rain
