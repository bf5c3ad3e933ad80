// PacketReader: cuts packets from the bytes that a channel delivers, wherever those were split.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/packet_codec.h"

namespace rain {

// Packets of at least this many bytes are read straight into a block of their own: the kernel alone copies them.
inline constexpr size_t kLargePacketBytes = 64 << 10;

// Who gets the packets.
class PacketSink {
 public:
  // One packet's payload: one piece if the packet has fewer than kLargePacketBytes; else at most two, of which the first has at
  // least `header_bytes`. At least one piece, which may be empty. False: no more packets, please; the rest is dropped.
  virtual bool OnPacket(Payload&& payload) = 0;

 protected:
  ~PacketSink() = default;
};

// How much comes at once, as far as is known: by this the reader chooses how much to ask for.
struct ReadPace {
  size_t read_bytes = 4 << 10;  // to be asked for
  size_t packet_bytes = 0;      // of the packets that came last, on average
  int full_reads = 0;           // in a row, that left no room
};

// Of one link at a time. Thread: loop. Holds no block while it waits between packets.
class PacketReader {
 public:
  struct Options {
    size_t max_packet_bytes = 64 << 20;
    size_t header_bytes = 0;
    size_t alignment = 1;
  };
  // `codec` and `pool` are borrowed.
  PacketReader(const PacketCodec& codec, BufferPool& pool, const Options& options);
  PacketReader(const PacketReader&) = delete;
  PacketReader& operator=(const PacketReader&) = delete;

  // Where the channel shall read to. `awaited`: how many packets the peer owes, as far as is known. `wakeful`: whether this side
  // is there at once when more comes. Empty if the pool refuses.
  Buffer ReadBuffer(size_t awaited = 0, bool wakeful = false);
  // How much of `bytes` that arrived, in a channel's own buffer perhaps, shall be dealt with before what that leads to leaves;
  // all, as a rule. The rest as above.
  size_t PartSize(size_t bytes, size_t awaited, bool wakeful) const;
  // Bytes that arrived, in a buffer from ReadBuffer or any other. Delivers the packets that are complete now.
  // Errors (all end the channel): DATA_LOSS bad framing; RESOURCE_EXHAUSTED packet too large, or the pool refuses.
  absl::Status Consume(Buffer bytes, PacketSink& sink);

  // Borrowed from whoever uses it from now on; its own at first.
  void set_pace(ReadPace* pace) { pace_ = pace; }
  // Gives up the block that a channel was given and did not use. Not while mid_packet().
  void LetGo() {
    block_ = Buffer();
    room_ = SIZE_MAX;
  }
  // Moves what has come of a packet, which may be little of a large block, to a small one.
  void Trim();
  // True if part of a packet has arrived.
  bool mid_packet() const { return !kept_.empty(); }

 private:
  absl::Status Cut(Buffer bytes, PacketSink& sink);
  absl::Status Splice(Buffer& bytes, PacketSink& sink);
  absl::Status FillRest(Buffer& bytes, PacketSink& sink);
  // `bytes` is how many the whole packet had.
  bool Deliver(Payload&& packet, size_t bytes, PacketSink& sink);
  void DeliverPieces(Payload packet, PacketSink& sink);
  bool MoveKept(size_t capacity);
  // What came last were packets of medium size.
  bool ReadsMedium() const;
  size_t ReadSize(size_t awaited, bool wakeful) const;
  bool ReadsInParts(size_t awaited, bool wakeful) const;
  Buffer RoomOf(size_t size);
  bool StartsLarge() const;
  size_t TailRoom() const;
  absl::Status Refused() const;

  const PacketCodec& codec_;
  BufferPool& pool_;
  const Options options_;
  ReadPace own_pace_;
  ReadPace* pace_ = &own_pace_;
  size_t packets_ = 0;          // delivered since the read began
  size_t delivered_bytes_ = 0;  // of these
  size_t room_ = SIZE_MAX;      // of the read; this is that of a channel's own buffer
  Buffer block_;                // the block given to the channel last, while kept_ lies in it or nothing has come yet
  Buffer kept_;                 // what has come of the packet that is not complete; its shape, if known, is shape_
  Buffer rest_;                 // a large packet's bytes beyond kept_, of which rest_filled_ have come
  size_t rest_filled_ = 0;
  PacketShape shape_;
  ScanState scan_;
  bool stopped_ = false;
  bool refused_ = false;
};

}  // namespace rain
