#include "listenrain/transports/inproc_channel.h"

#include <unistd.h>

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain {

InprocChannel::InprocChannel(Ref<InprocWire> wire, int side, std::string address)
    : wire_(std::move(wire)),
      side_(side),
      peer_(std::make_shared<const PeerInfo>(
          PeerInfo{std::move(address), PeerInfo::Credentials{::getpid(), ::getuid(), ::getgid()}})) {}

InprocChannel::~InprocChannel() {
  wire_->Leave(side_, pending_bytes_ == 0);
  wire_->Detach(side_);
}

void InprocChannel::Start(Loop& home, ChannelEvents& events) {
  assert(home.InLoop() && events_ == nullptr);
  home_ = &home;
  events_ = &events;
  inbox_.reserve(InprocWire::kUsualSlices);
  wire_->Attach(side_, home, *this);
  wire_->Wake(side_);
}

void InprocChannel::Write(absl::Span<const Buffer> pieces) {
  if (closing_ || write_closed_) return;
  size_t accepted = pending_bytes_ > 0 ? 0 : wire_->Put(side_, pieces, false);
  bytes_taken_ += accepted;
  for (const Buffer& piece : pieces) {
    if (accepted >= piece.size()) {
      accepted -= piece.size();
      continue;
    }
    pending_.push_back(piece.Share(accepted, piece.size() - accepted));
    pending_bytes_ += pending_.back().size();
    accepted = 0;
  }
}

void InprocChannel::CloseWrite() {
  if (closing_ || std::exchange(write_closed_, true)) return;
  if (pending_bytes_ == 0) wire_->Put(side_, {}, true);
}

void InprocChannel::SetReading(bool reading) {
  if (std::exchange(reading_, reading) || !reading) return;
  wire_->Wake(side_);
}

void InprocChannel::Close(absl::Status why) {
  if (std::exchange(closing_, true)) return;
  why_ = std::move(why);
  wire_->Leave(side_, pending_bytes_ == 0);
  pending_.clear();
  first_pending_ = pending_bytes_ = 0;
  inbox_.clear();
  first_unread_ = 0;
  wire_->Wake(side_);
}

void InprocChannel::DropPending(size_t bytes) {
  pending_bytes_ -= bytes;
  while (bytes > 0 && bytes >= pending_[first_pending_].size()) {
    bytes -= pending_[first_pending_].size();
    pending_[first_pending_++] = Buffer();
  }
  if (bytes > 0) pending_[first_pending_].RemovePrefix(bytes);
  // Moving the rest to the front only when it is the smaller half keeps this linear.
  if (2 * first_pending_ < pending_.size()) return;
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(first_pending_));
  first_pending_ = 0;
}

bool InprocChannel::PutPending() {
  if (pending_bytes_ == 0) return false;
  const size_t accepted = wire_->Put(side_, pending(), write_closed_);
  bytes_taken_ += accepted;
  DropPending(accepted);
  return pending_bytes_ == 0;
}

void InprocChannel::Turn() {
  wire_->Take(side_, reading_ && events_ != nullptr && !closing_, inbox_);
  const bool drained = PutPending();
  if (events_ == nullptr) return;
  if (drained) events_->OnDrained();
  if (!closing_) Deliver();
  if (!closing_) return;
  std::exchange(events_, nullptr)->OnClosed(std::move(why_));
}

void InprocChannel::Deliver() {
  size_t bytes = 0;
  size_t slices = 0;
  for (; reading_ && !closing_ && first_unread_ < inbox_.size(); ++slices) {
    Buffer slice = std::move(inbox_[first_unread_++]);
    bytes += slice.size();
    events_->OnRead(std::move(slice));
  }
  if (first_unread_ == inbox_.size()) {
    inbox_.clear();
    first_unread_ = 0;
  }
  const InprocWire::Arrivals arrivals = wire_->Delivered(side_, bytes, slices, reading_ && !closing_);
  if (reading_ && !closing_) Learn(arrivals);
}

void InprocChannel::Learn(const InprocWire::Arrivals& arrivals) {
  if (arrivals.ended && !std::exchange(end_told_, true)) {
    events_->OnEnd();
    if (closing_ || !reading_) return;
  }
  if (!arrivals.peer_gone) return;
  const bool all_was_said = arrivals.ended && write_closed_ && pending_bytes_ == 0 && !arrivals.lost;
  if (!all_was_said) Close(absl::UnavailableError(absl::StrCat(peer_->address, ": closed by the peer")));
}

}  // namespace rain
