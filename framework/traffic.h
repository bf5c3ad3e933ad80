// Traffic: what a link needs while it carries something: lent by a pool, so that the many links that carry nothing hold none, and
// those that do use memory which is warm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "listenrain/framework/clock.h"
#include "listenrain/framework/output.h"
#include "listenrain/framework/packet_reader.h"
#include "listenrain/framework/ring.h"

namespace rain {

// A packet that weighs in its transport's budget until the channel has taken its last byte.
struct ChargedPacket {
  uint64_t end = 0;   // where it ends, counted from the channel's first byte
  size_t charge = 0;  // bytes of the budget
};

// A piece given to the channel and not known to be taken.
struct WrittenPiece {
  Buffer bytes;
  uint64_t flush_end = 0;  // where the pieces of its flush end, which hold whole packets
};

// Thread: loop.
struct Traffic {
  Traffic(const PacketCodec& codec, BufferPool& buffers, const PacketReader::Options& packets)
      : reader(codec, buffers, packets), output(codec, buffers, packets.max_packet_bytes) {}
  // Nothing is on its way: another link may have it, once it has let go of its blocks.
  bool idle() const { return !reader.mid_packet() && output.waiting_bytes() == 0 && charged.empty() && written.empty(); }

  void LetGo() {
    reader.LetGo();
    output.LetGo();
  }

  PacketReader reader;
  Output output;
  Ring<ChargedPacket> charged;
  Ring<WrittenPiece> written;
  uint64_t written_from = 0;      // where the first of these begins; a packet begins there too
  std::unique_ptr<Traffic> next;  // in the pool's list
};

// For the links of one protocol on one loop. Thread: loop.
class TrafficPool {
 public:
  // All but `packets` are borrowed.
  TrafficPool(const PacketCodec& codec, BufferPool& buffers, const PacketReader::Options& packets)
      : codec_(codec), buffers_(buffers), packets_(packets) {}

  const PacketCodec& codec() const { return codec_; }
  std::unique_ptr<Traffic> Lend() {
    ++lent_;
    if (idle_ == nullptr) return std::make_unique<Traffic>(codec_, buffers_, packets_);
    --idle_count_;
    return std::exchange(idle_, std::move(idle_->next));
  }
  void TakeBack(std::unique_ptr<Traffic> idle) {
    --lent_;
    if (idle_count_ == kMostIdle) return;
    ++idle_count_;
    idle->next = std::exchange(idle_, nullptr);
    idle_ = std::move(idle);
  }
  // Of a link that has ended: nobody shall have it.
  void GiveUp(std::unique_ptr<Traffic>) { --lent_; }
  // To how many links.
  size_t lent() const { return lent_; }
  // Many links carry something in this turn, which is known by its time: then those that can give back theirs soon should, while
  // it is warm. Not all, lest what they write is answered in the same turn again and again, and this has no end.
  bool HastenIn(Instant turn) {
    if (lent_ <= kFew) return false;
    if (turn != turn_) hastened_ = 0;
    turn_ = turn;
    return hastened_++ < kMostHastened;
  }

 private:
  static constexpr size_t kFew = 8;
  static constexpr size_t kMostIdle = 64;
  static constexpr size_t kMostHastened = 256;
  const PacketCodec& codec_;
  BufferPool& buffers_;
  const PacketReader::Options packets_;
  std::unique_ptr<Traffic> idle_;
  size_t idle_count_ = 0;
  size_t lent_ = 0;
  Instant turn_;
  size_t hastened_ = 0;
};

}  // namespace rain
