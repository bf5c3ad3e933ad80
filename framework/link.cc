#include "listenrain/framework/link.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"

namespace rain {

// Delivers packets, and writes what they led to after each part of so many bytes, so that both sides work at the same time.
class Link::WritesBetween final : public PacketSink {
 public:
  WritesBetween(Link& link, size_t part) : link_(link), part_(part) {}

  bool OnPacket(Payload&& payload) override {
    delivered_ += SizeOf(payload);
    if (!link_.events_.OnPacket(std::move(payload))) return false;
    if (delivered_ < part_) return true;
    delivered_ = 0;
    link_.WriteOut();
    return true;
  }

 private:
  Link& link_;
  const size_t part_;
  size_t delivered_ = 0;
};

Link::Link(Loop& loop, TrafficPool& lender, bool keeps_untaken, std::unique_ptr<Channel> channel, LinkEvents& events)
    : loop_(loop), lender_(lender), events_(events), channel_(std::move(channel)), keeps_untaken_(keeps_untaken) {
  channel_->Start(loop_, *this);
}

Link::~Link() {
  if (traffic_ != nullptr) lender_.GiveUp(std::move(traffic_));
}

void Link::Borrow() {
  traffic_ = lender_.Lend();
  traffic_->reader.set_pace(&read_pace_);
  traffic_->output.set_pace(&write_pace_);
}

// What a broken stream has left in it is of no use to others.
void Link::Rest() {
  if (!open_) return lender_.GiveUp(std::move(traffic_));
  traffic_->LetGo();
  lender_.TakeBack(std::move(traffic_));
}

void Link::OnTurn() { Flush(); }

void Link::Flush() {
  if (!open_) return;
  WriteReady();
  NoteTaken();
  if (CanWrite()) events_.OnWritable();
  MaybeRest();
}

// The pieces that the channel could not take at once are kept, where the link keeps any.
void Link::WriteReady() {
  if (traffic_ == nullptr) return;
  const absl::Span<const Buffer> ready = traffic_->output.Ready();
  if (ready.empty()) return;
  channel_->Write(ready);
  if (keeps_untaken_) {
    if (traffic_->written.empty()) traffic_->written_from = end_ - traffic_->output.waiting_bytes();
    if (channel_->bytes_taken() < end_) {
      for (const Buffer& piece : ready) traffic_->written.push_back({piece.Share(), end_});
    }
  }
  traffic_->output.Clear();
}

std::vector<UntakenPacket> Link::TakeUntaken() {
  std::vector<UntakenPacket> packets;
  if (!keeps_untaken_ || traffic_ == nullptr) return packets;
  NoteTaken();
  Ring<WrittenPiece>& written = traffic_->written;
  Output& output = traffic_->output;
  std::string bytes;
  if (written.empty()) traffic_->written_from = end_ - output.waiting_bytes();
  for (; !written.empty(); written.pop_front()) absl::StrAppend(&bytes, written.front().bytes.view());
  for (const Buffer& piece : output.Ready()) absl::StrAppend(&bytes, piece.view());
  output.Clear();
  uint64_t at = traffic_->written_from;
  absl::string_view rest = bytes;
  while (!rest.empty()) {
    ScanState scan;
    const absl::StatusOr<PacketShape> shape = Guarded("the packet codec, decoding,", [&] {
      return lender_.codec().DecodePacket({rest.data(), rest.size()}, scan);
    });
    if (!shape.ok() || !shape->exact || shape->total == 0 || shape->total > rest.size()) break;
    if (at >= channel_->bytes_taken()) {
      const absl::string_view payload = rest.substr(shape->header, shape->total - shape->header - shape->trailer);
      packets.push_back({Payload(Buffer::Adopt(std::string(payload.data(), payload.size()))), at + shape->total});
    }
    at += shape->total;
    rest.remove_prefix(shape->total);
  }
  return packets;
}

void Link::NoteTaken() {
  if (traffic_ == nullptr) return;
  const uint64_t taken = channel_->bytes_taken();
  Ring<WrittenPiece>& written = traffic_->written;
  for (; !written.empty() && written.front().flush_end <= taken; written.pop_front()) {
    traffic_->written_from = written.front().flush_end;
  }
  TellTaken(taken);
}

void Link::TellTaken(uint64_t taken) {
  Ring<ChargedPacket>& charged = traffic_->charged;
  while (!charged.empty() && charged.front().end <= taken) {
    const ChargedPacket packet = charged.front();
    charged.pop_front();
    events_.OnTaken(packet);
  }
}

void Link::ForgetCharged() {
  if (traffic_ != nullptr) TellTaken(UINT64_MAX);
}

void Link::Trim() {
  MaybeRest();
  if (traffic_ == nullptr) return;
  traffic_->reader.Trim();
  traffic_->charged.Trim();
  traffic_->written.Trim();
  traffic_->output.Trim();
}

void Link::WriteOut() {
  if (open_) WriteReady();
}

void Link::CloseWrite() {
  if (!open_) return;
  WriteOut();
  channel_->CloseWrite();
}

void Link::Close(absl::Status why) {
  open_ = false;
  channel_->Close(std::move(why));
}

Buffer Link::ReadBuffer(size_t) {
  Buffer room = traffic().reader.ReadBuffer(events_.awaited_packets(), loop_.wakeful());
  if (room.empty()) Close(absl::ResourceExhaustedError("the buffer pool refused a block to read into: raise its max_bytes"));
  return room;
}

void Link::OnRead(Buffer bytes) {
  if (!open_) return;
  PacketReader& reader = traffic().reader;
  const size_t part = reader.PartSize(bytes.size(), events_.awaited_packets(), loop_.wakeful());
  absl::Status status = Guarded("the packet codec, decoding,", [&] {
    if (part == bytes.size()) return reader.Consume(std::move(bytes), events_);
    WritesBetween sink(*this, part);
    return reader.Consume(std::move(bytes), sink);
  });
  if (!status.ok()) Close(std::move(status));
  events_.OnReadDone();
  if (!waiting()) return MaybeRest();
  if (!lender_.HastenIn(loop_.now())) return;  // at the turn's end it leaves, with what others add
  Withdraw();
  Flush();
}

void Link::OnDrained() {
  NoteTaken();
  if (open_) events_.OnWritable();
  MaybeRest();
}

void Link::OnEnd() {
  ended_ = true;
  if (!open_) return;
  if (traffic_ != nullptr && traffic_->reader.mid_packet()) {
    return Close(absl::DataLossError("the peer ended in the middle of a packet"));
  }
  events_.OnLinkEnd();
}

void Link::OnClosed(absl::Status why) {
  open_ = false;
  if (discarded_) return;
  NoteTaken();
  events_.OnLinkClosed(std::move(why));
}

}  // namespace rain
