// Link: a channel with packets: the reader on one side, batched writing on the other. One class, used by both roles.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/limits.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/output.h"
#include "listenrain/framework/packet_codec.h"
#include "listenrain/framework/packet_reader.h"
#include "listenrain/framework/ring.h"

namespace rain {

// A packet that weighs in its transport's budget until the channel has taken its last byte.
struct ChargedPacket {
  uint64_t end = 0;   // where it ends, counted from the channel's first byte
  size_t charge = 0;  // bytes of the budget
};

// Thread: loop. OnPacket may do anything but destroy the link.
class LinkEvents : public PacketSink {
 public:
  // The packets that one read brought are all delivered.
  virtual void OnReadDone() = 0;
  // How many packets the peer owes, as far as is known: replies.
  virtual size_t awaited_packets() const = 0;
  virtual void OnTaken(const ChargedPacket& packet) = 0;
  // CanWrite() became true again; also called when the channel has taken everything.
  virtual void OnWritable() = 0;
  // The peer sends no more.
  virtual void OnLinkEnd() = 0;
  // The last event. charged_packets() still tells what was not taken.
  virtual void OnLinkClosed(absl::Status why) = 0;

 protected:
  ~LinkEvents() = default;
};

// A packet that no byte of was taken: its payload, and where it would have ended.
struct UntakenPacket {
  Payload payload;
  uint64_t end = 0;
};

class Link final : private ChannelEvents, private TurnTask {
 public:
  struct Parts {
    Loop& loop;
    const PacketCodec& codec;
    BufferPool& pool;
    Limits limits;
    PacketReader::Options reader;
    bool keeps_untaken = false;  // so that TakeUntaken can give it back
  };
  // The parts and `events` are borrowed. Starts the channel.
  Link(const Parts& parts, std::unique_ptr<Channel> channel, LinkEvents& events);
  ~Link() override;

  // True while there is room before the next flush: the channel keeps up.
  bool CanWrite() const { return open_ && output_.waiting_bytes() + channel_->pending_bytes() < kFlushBytes; }
  // Where to write the next packet's payload: Begin, write, then Sent() with what EndPacket returned.
  Output& output() { return output_; }
  // A packet of so many bytes was put into output(). It goes out at the turn's end at the latest.
  void Sent(size_t bytes) {
    end_ += bytes;
    if (!waiting()) loop_.AtTurnEnd(*this);
  }
  // OnTaken will tell when the packet sent last is taken.
  void Remember(size_t charge) { charged_.push_back({end_, charge}); }

  // Bytes not yet taken by the channel.
  size_t pending_bytes() const { return output_.waiting_bytes() + channel_->pending_bytes(); }
  uint64_t bytes_taken() const { return channel_->bytes_taken(); }
  // Where the packet given to Sent last ends, counted from the channel's first byte.
  uint64_t end() const { return end_; }
  Ring<ChargedPacket>& charged_packets() { return charged_; }

  // Once closed: the packets of which the channel has taken nothing, cut again from what was written. None without
  // keeps_untaken; from one on that the packet codec cannot cut, none.
  std::vector<UntakenPacket> TakeUntaken();

  bool open() const { return open_; }
  void SetReading(bool reading) { channel_->SetReading(reading); }
  bool reading_ended() const { return ended_; }
  const PeerInfo& peer() const { return channel_->peer(); }

  // Gives the channel what there is.
  void WriteOut();
  // The same, then lets the peer see the end.
  void CloseWrite();
  // Abandons what pends. OnLinkClosed follows. Idempotent.
  void Close(absl::Status why);

  // The same, without a further event.
  void Discard(absl::Status why) {
    discarded_ = true;
    Close(std::move(why));
  }

  // Gives back the memory that an idle link needs not.
  void Trim() {
    charged_.Trim();
    written_.Trim();
    output_.Trim();
  }

 private:
  static constexpr size_t kFlushBytes = 256 << 10;

  Buffer ReadBuffer(size_t hint) override;
  void OnRead(Buffer bytes) override;
  void OnDrained() override;
  void OnEnd() override;
  void OnClosed(absl::Status why) override;
  void OnTurnEnd() override;
  void Flush();
  void WriteReady();
  void NoteTaken();

  // A piece given to the channel and not known to be taken.
  struct WrittenPiece {
    Buffer bytes;
    uint64_t flush_end = 0;  // where the pieces of its flush end, which hold whole packets
  };

  Loop& loop_;
  const PacketCodec& codec_;
  const bool keeps_untaken_;
  LinkEvents& events_;
  std::unique_ptr<Channel> channel_;
  PacketReader reader_;
  Output output_;
  Ring<ChargedPacket> charged_;
  Ring<WrittenPiece> written_;
  uint64_t written_from_ = 0;  // where the first of these begins; a packet begins there too
  uint64_t end_ = 0;           // of the last packet
  bool open_ = true;
  bool ended_ = false;
  bool discarded_ = false;
};

}  // namespace rain
