#include "listenrain/testing/sim_channel.h"

#include <algorithm>
#include <cassert>

#include "absl/strings/str_cat.h"

namespace rain {

SimChannel::~SimChannel() {
  if (!closed_) connection_->Leave(side_);
}

void SimChannel::Start(Loop& home, ChannelEvents& events) {
  assert(home.InLoop() && events_ == nullptr && !closed_);
  home_ = &home;
  events_ = &events;
  connection_->Attach(side_, *this);
  Wake();
}

void SimChannel::Wake() {
  if (home_ == nullptr || std::exchange(woken_, true)) return;
  home_->Run([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) Turn();
  });
}

void SimChannel::Turn() {
  woken_ = false;
  if (events_ == nullptr) return;
  if (closed_) return std::exchange(events_, nullptr)->OnClosed(std::move(why_));
  Push();
  if (owes_drained_ && pending_bytes_ == 0) {
    owes_drained_ = false;
    Wake();
    return events_->OnDrained();
  }
  if (reading_ && Read()) return;
  if (reading_ && connection_->ended(side_) && !std::exchange(end_told_, true)) {
    Wake();
    return events_->OnEnd();
  }
  if (connection_->reset(side_) && !closed_)
    Die(absl::UnavailableError(absl::StrCat(peer_->address, ": connection reset by peer")));
}

// True if something was told.
bool SimChannel::Read() {
  const size_t readable = connection_->readable(side_);
  if (readable == 0) return false;
  Buffer room = events_->ReadBuffer(readable);
  if (closed_) return true;
  if (room.empty()) {
    reading_ = false;
    return true;
  }
  const size_t size = connection_->Read(side_, room.mutable_data(), room.size());
  if (size == 0) return false;
  room.Truncate(size);
  Wake();
  events_->OnRead(std::move(room));
  return true;
}

void SimChannel::Push() {
  while (!pending_.empty()) {
    const size_t accepted = connection_->Accept(side_, {pending_.front().data(), pending_.front().size()});
    if (accepted == 0) break;
    bytes_taken_ += accepted;
    pending_bytes_ -= accepted;
    pending_.front().RemovePrefix(accepted);
    if (pending_.front().empty()) pending_.pop_front();
  }
  if (write_closed_ && pending_.empty()) connection_->EndWriting(side_);
}

void SimChannel::Write(absl::Span<const Buffer> pieces) {
  assert(home_ != nullptr && home_->InLoop());
  if (closed_ || write_closed_) return;
  for (const Buffer& piece : pieces) {
    if (piece.empty()) continue;
    pending_bytes_ += piece.size();
    pending_.push_back(piece.Share());
  }
  Push();
  owes_drained_ |= pending_bytes_ > 0;
}

void SimChannel::CloseWrite() {
  if (closed_ || std::exchange(write_closed_, true)) return;
  Push();
}

void SimChannel::SetReading(bool reading) {
  reading_ = reading;
  if (reading) Wake();
}

void SimChannel::Close(absl::Status why) {
  if (closed_) return;
  closed_ = true;
  why_ = std::move(why);
  pending_.clear();
  pending_bytes_ = 0;
  connection_->Leave(side_);
  Wake();
}

void SimChannel::Die(absl::Status why) {
  Close(std::move(why));
  std::exchange(events_, nullptr)->OnClosed(std::move(why_));
}

}  // namespace rain
