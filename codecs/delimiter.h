// The delimiter packet codec: lines, or whatever ends in bytes that its payloads do not hold.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "listenrain/framework/packet_codec.h"

namespace rain {

struct DelimiterOptions {
  std::string delimiter = "\n";  // 1 to 255 bytes
};

// Lines that end in a line feed, which is not of the payload (WIRE.md). A payload that holds the delimiter, alone or together
// with the delimiter that follows it, is INVALID_ARGUMENT when encoded. How long a line may be is limits.max_packet_bytes. What
// has been looked at is not looked at again, however slowly a line comes.
std::shared_ptr<const PacketCodec> NewDelimiterCodec();

// Errors: INVALID_ARGUMENT if the delimiter is empty or longer than 255 bytes.
absl::StatusOr<std::shared_ptr<const PacketCodec>> NewDelimiterCodec(const DelimiterOptions& options);

}  // namespace rain
