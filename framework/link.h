// Link: a channel with packets: the reader on one side, batched writing on the other. One class, used by both roles.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/packet_reader.h"
#include "listenrain/framework/traffic.h"

namespace rain {

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
  // The last event. ForgetCharged still tells of what was not taken.
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
  // `keeps_untaken`: TakeUntaken will be asked. All but the channel are borrowed. Starts the channel.
  Link(Loop& loop, TrafficPool& lender, bool keeps_untaken, std::unique_ptr<Channel> channel, LinkEvents& events);
  ~Link() override;

  // True while there is room before the next flush: the channel keeps up.
  bool CanWrite() const { return open_ && pending_bytes() < kFlushBytes; }
  // Where to write the next packet's payload: Begin, write, then Sent() with what EndPacket returned. Borrowed for that packet.
  Output& output() { return traffic().output; }
  // A packet of so many bytes was put into output(). It goes out at the turn's end at the latest.
  void Sent(size_t bytes) {
    end_ += bytes;
    if (!waiting()) loop_.AtTurnEnd(*this);
  }
  // OnTaken will tell when the packet sent last is taken.
  void Remember(size_t charge) { traffic().charged.push_back({end_, charge}); }
  // OnTaken tells now of all such packets.
  void ForgetCharged();

  // Bytes not yet taken by the channel.
  size_t pending_bytes() const {
    return (traffic_ == nullptr ? 0 : traffic_->output.waiting_bytes()) + channel_->pending_bytes();
  }
  uint64_t bytes_taken() const { return channel_->bytes_taken(); }
  // Where the packet given to Sent last ends, counted from the channel's first byte.
  uint64_t end() const { return end_; }

  // Once closed: the packets of which the channel has taken nothing, cut again from what was written. None without
  // keeps_untaken; from one on that the packet codec cannot cut, none.
  std::vector<UntakenPacket> TakeUntaken();

  bool open() const { return open_; }
  void SetReading(bool reading) { channel_->SetReading(reading); }
  bool reading_ended() const { return ended_; }

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

  // Gives back the memory that a silent link needs not.
  void Trim();

 private:
  class WritesBetween;
  static constexpr size_t kFlushBytes = 256 << 10;

  Buffer ReadBuffer(size_t hint) override;
  void OnRead(Buffer bytes) override;
  void OnDrained() override;
  void OnEnd() override;
  void OnClosed(absl::Status why) override;
  void OnTurn() override;
  void Flush();
  void WriteReady();
  void NoteTaken();
  void TellTaken(uint64_t taken);

  Traffic& traffic() {
    if (traffic_ == nullptr) Borrow();
    return *traffic_;
  }
  void Borrow();
  // Gives back what it was lent, if nothing is on its way.
  void MaybeRest() {
    if (traffic_ != nullptr && traffic_->idle()) Rest();
  }
  void Rest();

  Loop& loop_;
  TrafficPool& lender_;
  LinkEvents& events_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Traffic> traffic_;  // null while nothing is on its way
  ReadPace read_pace_;
  WritePace write_pace_;
  uint64_t end_ = 0;  // of the last packet
  const bool keeps_untaken_;
  bool open_ = true;
  bool ended_ = false;
  bool discarded_ = false;
};

}  // namespace rain
