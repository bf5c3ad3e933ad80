// PacketCodec: how packets are cut from a byte stream.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace rain {

struct PacketTraits {
  size_t max_header = 0;      // bytes in front of the payload, at most
  size_t max_trailer = 0;     // bytes after it, at most
  bool fixed_header = false;  // every header has exactly max_header bytes
};

// What DecodePacket learned of the packet that begins at the prefix's first byte.
struct PacketShape {
  size_t total = 0;    // bytes of the whole packet; more than the prefix has: incomplete. 0 is refused as DATA_LOSS
  size_t header = 0;   // of these, bytes before the payload
  size_t trailer = 0;  // and after it
  bool exact = false;  // true: `total` is announced. false: it is the least needed, and the reader asks again with more
};

// What a codec remembers between two looks at one growing packet, so that it never reads a byte twice. Reset per packet.
struct ScanState {
  size_t scanned = 0;
  uint64_t memory = 0;
};

// One object serves all channels of a protocol. Thread: any, several at once; must not block.
class PacketCodec {
 public:
  virtual ~PacketCodec() = default;

  // Constant.
  virtual PacketTraits traits() const = 0;

  // How many bytes of `header` (max_header long, filled from its end) and of `trailer` (filled from its start) were used.
  struct Frame {
    size_t header = 0;
    size_t trailer = 0;
  };
  // Errors: any ends the message and leaves the channel alone. A payload that the format cannot carry is INVALID_ARGUMENT,
  // one too long for it RESOURCE_EXHAUSTED.
  virtual absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>> payload, absl::Span<char> header,
                                             absl::Span<char> trailer) const = 0;

  // `prefix` is what has arrived, at least one byte, and at most what was asked for plus more packets. Resumable through `scan`.
  // The reader enforces size limits. Errors: DATA_LOSS (or any) ends the channel.
  virtual absl::StatusOr<PacketShape> DecodePacket(absl::Span<const char> prefix, ScanState& scan) const = 0;
};

}  // namespace rain
