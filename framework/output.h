// Output: packets on their way to the channel, one behind the other in shared blocks, so that one gather write takes a turn's
// worth.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/packet_codec.h"
#include "listenrain/framework/payload_writer.h"

namespace rain {

// How much is written at once, as far as is known: by this the size of the next block is chosen.
struct WritePace {
  size_t block_bytes = 4 << 10;
};

// A PayloadWriter whose payloads become packets in place. Of one link at a time. Thread: loop.
// Use: Begin, write, EndPacket (or Rewind); or Append for a payload that waited elsewhere.
class Output final : public PayloadWriter {
 public:
  // `codec` and `pool` are borrowed.
  Output(const PacketCodec& codec, BufferPool& pool, size_t max_packet_bytes);

  // Borrowed from whoever uses it from now on; its own at first.
  void set_pace(WritePace* pace) {
    pace_ = pace;
    set_block_bytes(pace->block_bytes);
  }

  absl::Status Begin();
  // Frames the payload begun. Returns the packet's size in bytes. Errors: the packet codec's, or RESOURCE_EXHAUSTED; the payload
  // is then rewound.
  absl::StatusOr<size_t> EndPacket();
  // Begin, the payload's bytes (large pieces by reference), EndPacket.
  absl::StatusOr<size_t> Append(Payload payload);

  // Bytes in packets not yet flushed.
  size_t waiting_bytes() const { return waiting_bytes_; }
  // All packets not yet flushed, as pieces to be written with one call. Borrowed until Clear, which follows before anything else.
  absl::Span<const Buffer> Ready();
  // Forgets the packets, which were written, and lets go of the block.
  void Clear();
  // Gives up the block of a payload that was rewound. Not while bytes wait.
  void LetGo() {
    if (!block_.empty()) DropBlock();
  }
  // Gives back the memory that an idle output needs not.
  void Trim() {
    if (ready_.empty()) std::vector<Buffer>().swap(ready_);
  }

 private:
  absl::StatusOr<size_t> EndContiguous();
  absl::StatusOr<size_t> EndPieces();
  absl::Status TooLarge(size_t packet) const;
  void Emit(size_t end);
  void DropBlock();

  const PacketCodec& codec_;
  const PacketTraits traits_;
  const size_t max_packet_bytes_;
  std::vector<Buffer> ready_;
  size_t mark_ = 0;  // where in block_ the bytes begin that are in no piece of ready_ yet
  size_t waiting_bytes_ = 0;
  size_t waiting_by_reference_ = 0;  // bytes of these that lie in no block of the output's
  WritePace own_pace_;
  WritePace* pace_ = &own_pace_;
};

}  // namespace rain
