#include "listenrain/framework/link.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"

namespace rain {

Link::Link(const Parts& parts, std::unique_ptr<Channel> channel, LinkEvents& events)
    : loop_(parts.loop),
      codec_(parts.codec),
      keeps_untaken_(parts.keeps_untaken),
      events_(events),
      channel_(std::move(channel)),
      reader_(parts.codec, parts.pool, parts.reader),
      output_(parts.codec, parts.pool, parts.limits.max_packet_bytes) {
  channel_->Start(loop_, *this);
}

Link::~Link() = default;

void Link::OnTurnEnd() { Flush(); }

void Link::Flush() {
  if (!open_) return;
  WriteReady();
  NoteTaken();
  if (CanWrite()) events_.OnWritable();
}

// The pieces that the channel could not take at once are kept, where the link keeps any.
void Link::WriteReady() {
  const absl::Span<const Buffer> ready = output_.Ready();
  if (ready.empty()) return;
  channel_->Write(ready);
  if (keeps_untaken_) {
    if (written_.empty()) written_from_ = end_ - output_.waiting_bytes();
    if (channel_->bytes_taken() < end_) {
      for (const Buffer& piece : ready) written_.push_back({piece.Share(), end_});
    }
  }
  output_.Clear();
}

std::vector<UntakenPacket> Link::TakeUntaken() {
  std::vector<UntakenPacket> packets;
  if (!keeps_untaken_) return packets;
  NoteTaken();
  std::string bytes;
  if (written_.empty()) written_from_ = end_ - output_.waiting_bytes();
  for (; !written_.empty(); written_.pop_front()) absl::StrAppend(&bytes, written_.front().bytes.view());
  for (const Buffer& piece : output_.Ready()) absl::StrAppend(&bytes, piece.view());
  output_.Clear();
  uint64_t at = written_from_;
  absl::string_view rest = bytes;
  while (!rest.empty()) {
    ScanState scan;
    const absl::StatusOr<PacketShape> shape = Guarded("the packet codec, decoding,", [&] {
      return codec_.DecodePacket({rest.data(), rest.size()}, scan);
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
  const uint64_t taken = channel_->bytes_taken();
  for (; !written_.empty() && written_.front().flush_end <= taken; written_.pop_front()) {
    written_from_ = written_.front().flush_end;
  }
  while (!charged_.empty() && charged_.front().end <= taken) {
    const ChargedPacket packet = charged_.front();
    charged_.pop_front();
    events_.OnTaken(packet);
  }
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
  Buffer room = reader_.ReadBuffer(events_.awaited_packets());
  if (room.empty()) Close(absl::ResourceExhaustedError("the buffer pool refused a block to read into: raise its max_bytes"));
  return room;
}

void Link::OnRead(Buffer bytes) {
  if (!open_) return;
  absl::Status status = Guarded("the packet codec, decoding,", [&] { return reader_.Consume(std::move(bytes), events_); });
  if (!status.ok()) Close(std::move(status));
  events_.OnReadDone();
}

void Link::OnDrained() {
  NoteTaken();
  if (open_) events_.OnWritable();
}

void Link::OnEnd() {
  ended_ = true;
  if (!open_) return;
  if (reader_.mid_packet()) return Close(absl::DataLossError("the peer ended in the middle of a packet"));
  events_.OnLinkEnd();
}

void Link::OnClosed(absl::Status why) {
  open_ = false;
  if (discarded_) return;
  NoteTaken();
  events_.OnLinkClosed(std::move(why));
}

}  // namespace rain
