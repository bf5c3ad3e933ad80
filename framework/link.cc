#include "listenrain/framework/link.h"

#include <utility>

#include "listenrain/framework/guarded.h"

namespace rain {

Link::Link(const Parts& parts, std::unique_ptr<Channel> channel, LinkEvents& events)
    : loop_(parts.loop),
      events_(events),
      channel_(std::move(channel)),
      reader_(parts.codec, parts.pool, parts.reader),
      output_(parts.codec, parts.pool, parts.limits.max_packet_bytes) {
  channel_->Start(*this);
}

Link::~Link() = default;

void Link::OnTurnEnd() { Flush(); }

void Link::Flush() {
  if (!open_) return;
  output_.Flush(*channel_);
  NoteTaken();
  if (CanWrite()) events_.OnWritable();
}

void Link::NoteTaken() {
  const uint64_t taken = channel_->bytes_taken();
  while (!charged_.empty() && charged_.front().end <= taken) {
    const ChargedPacket packet = charged_.front();
    charged_.pop_front();
    events_.OnTaken(packet);
  }
}

void Link::WriteOut() {
  if (open_) output_.Flush(*channel_);
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
  Buffer room = reader_.ReadBuffer();
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
  NoteTaken();
  events_.OnLinkClosed(std::move(why));
}

}  // namespace rain
