// The zig-zag prefix packet codec: a header of fixed size with the payload's length as a varint, as buffstreams for Go frames.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "listenrain/framework/packet_codec.h"

namespace rain {

struct ZigzagPrefixOptions {
  // The longest payload. The header's size follows from it, so both sides must be given the same.
  uint64_t max_payload_bytes = 4096;
};

// The header's bytes: 2 up to 255, 3 up to 65535, 4 up to 16777215, and so on.
constexpr size_t ZigzagHeaderBytes(uint64_t max_payload_bytes) {
  return (static_cast<size_t>(std::bit_width(max_payload_bytes)) + 7) / 8 + 1;
}

// Byte for byte buffstreams' framing (WIRE.md). A longer payload is RESOURCE_EXHAUSTED when encoded; a header that no encoder
// writes, or a longer length in it, is DATA_LOSS: the two sides were given different maxima, or the stream is corrupt. Errors:
// INVALID_ARGUMENT if max_payload_bytes is 0 or more than 2^62 - 1, which is what the header can say.
absl::StatusOr<std::shared_ptr<const PacketCodec>> NewZigzagPrefixCodec(const ZigzagPrefixOptions& options = {});

}  // namespace rain
