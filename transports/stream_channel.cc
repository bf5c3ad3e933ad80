#include "listenrain/transports/stream_channel.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include "listenrain/transports/pending_pieces.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

constexpr size_t kMaxPieces = 128;  // of one system call; IOV_MAX is 1024, but what one call takes rarely has more
constexpr size_t kSmallestHint = 4 << 10;
constexpr size_t kLargestHint = 256 << 10;

// One read and one gather write a turn.
class StreamChannel final : public Channel, private TurnTask {
 public:
  // `peer` is copied, since a copy has no room to spare.
  StreamChannel(UniqueFd socket, const PeerInfo& peer)
      : socket_(std::move(socket)), peer_(std::make_shared<const PeerInfo>(peer)) {}

  void Start(Loop& home, ChannelEvents& events) override;
  void Write(absl::Span<const Buffer> pieces) override;
  void CloseWrite() override;
  uint64_t bytes_taken() const override { return bytes_taken_; }
  size_t pending_bytes() const override { return pending_.bytes() + lost_bytes_; }
  void SetReading(bool reading) override;
  void Close(absl::Status why) override;
  std::shared_ptr<const PeerInfo> peer() const override { return peer_; }

 private:
  void OnTurn() override { events_->OnClosed(std::move(why_)); }
  void OnReady(Readiness ready);
  void ReadOnce();
  void WritePending();
  size_t Send(absl::Span<iovec> vectors);
  void ShutDownWriting();
  void OnWriteError(int error);
  void CloseIfDrained();
  void Want() {
    if (!closed_ && events_ != nullptr) watch_->Want(reading_ && !read_ended_, !pending_.empty());
  }

  Loop* home_ = nullptr;  // once started
  UniqueFd socket_;
  const std::shared_ptr<const PeerInfo> peer_;
  std::unique_ptr<Watch> watch_;
  ChannelEvents* events_ = nullptr;
  PendingPieces pending_;
  uint64_t bytes_taken_ = 0;
  size_t lost_bytes_ = 0;  // written, and never to be taken, since writing failed
  size_t hint_ = kSmallestHint;
  bool reading_ = true;
  bool read_ended_ = false;    // the peer's end was seen
  bool write_closed_ = false;  // CloseWrite was called
  bool closed_ = false;
  int write_error_ = 0;
  absl::Status why_;
};

void StreamChannel::Start(Loop& home, ChannelEvents& events) {
  assert(home.InLoop() && events_ == nullptr);
  home_ = &home;
  events_ = &events;
  if (closed_) return home.AtTurnEnd(*this);
  auto watch = WatchDescriptor(home, socket_.get(), [this](Readiness ready) { OnReady(ready); });
  if (!watch.ok()) return Close(std::move(watch).status());
  watch_ = *std::move(watch);
  Want();
}

void StreamChannel::Write(absl::Span<const Buffer> pieces) {
  assert(home_ != nullptr && home_->InLoop());
  if (closed_ || write_closed_) return;
  std::array<iovec, kMaxPieces> vectors;
  size_t next = 0;    // the first piece that is not wholly taken
  size_t offset = 0;  // how much of it is
  bool full = !pending_.empty();
  while (!full && write_error_ == 0 && next < pieces.size()) {
    size_t count = 0;
    size_t bytes = 0;
    size_t end = next;
    for (; end < pieces.size() && count < kMaxPieces; ++end) {
      const Buffer& piece = pieces[end];
      if (piece.empty()) continue;
      vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
      bytes += piece.size();
    }
    size_t taken = count == 0 ? 0 : Send(absl::MakeSpan(vectors.data(), count));
    full = taken < bytes;
    if (!full) {
      next = end;
      continue;
    }
    for (; taken >= pieces[next].size(); ++next) taken -= pieces[next].size();
    offset = taken;
  }
  if (closed_) return;
  for (; next < pieces.size(); ++next, offset = 0) {
    if (write_error_ != 0) {
      lost_bytes_ += pieces[next].size() - offset;
    } else {
      pending_.Append(pieces[next].Share(offset, pieces[next].size() - offset));
    }
  }
  if (full) Want();
}

// Returns how many bytes were taken; fewer than given if there is no more room now, or an error, which OnWriteError has got.
size_t StreamChannel::Send(absl::Span<iovec> vectors) {
  msghdr message = {};
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
  ssize_t taken;
  do {
    taken = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (taken < 0 && errno == EINTR);
  if (taken < 0) {
    if (errno != EAGAIN) OnWriteError(errno);
    return 0;
  }
  bytes_taken_ += static_cast<uint64_t>(taken);
  return static_cast<size_t>(taken);
}

void StreamChannel::CloseWrite() {
  assert(home_ != nullptr && home_->InLoop());
  if (closed_ || std::exchange(write_closed_, true)) return;
  if (pending_.empty() && write_error_ == 0) ShutDownWriting();
}

void StreamChannel::ShutDownWriting() {
  if (shutdown(socket_.get(), SHUT_WR) != 0) OnWriteError(errno);
}

// Nothing more can be written. What the peer had sent before it went away is delivered first.
void StreamChannel::OnWriteError(int error) {
  write_error_ = error;
  lost_bytes_ += pending_.bytes();
  pending_.Clear();
  CloseIfDrained();
}

void StreamChannel::CloseIfDrained() {
  int waiting = 0;
  if (!read_ended_ && ioctl(socket_.get(), FIONREAD, &waiting) == 0 && waiting > 0) return Want();
  Close(SystemError(write_error_, peer_->address, "write"));
}

void StreamChannel::SetReading(bool reading) {
  assert(home_ == nullptr || home_->InLoop());
  reading_ = reading;
  Want();
}

void StreamChannel::Close(absl::Status why) {
  assert(home_ == nullptr || home_->InLoop());
  if (std::exchange(closed_, true)) return;
  why_ = std::move(why);
  pending_.Clear();
  lost_bytes_ = 0;
  watch_.reset();
  socket_.reset();
  if (events_ != nullptr) home_->AtTurnEnd(*this);
}

// Events may call anything but the destructor: look at closed_ after each.
void StreamChannel::OnReady(Readiness ready) {
  if (ready.writable && !pending_.empty()) WritePending();
  if (ready.readable && !closed_ && reading_ && !read_ended_) ReadOnce();
}

void StreamChannel::WritePending() {
  std::array<iovec, kMaxPieces> vectors;
  const size_t count = pending_.Gather(absl::MakeSpan(vectors));
  const size_t taken = Send(absl::MakeSpan(vectors.data(), count));
  if (write_error_ != 0) return;
  pending_.Drop(taken);
  if (!pending_.empty()) return;
  if (write_closed_) ShutDownWriting();
  if (closed_) return;
  Want();
  events_->OnDrained();
}

void StreamChannel::ReadOnce() {
  Buffer room = events_->ReadBuffer(hint_);
  if (closed_) return;
  if (room.empty()) return SetReading(false);
  ssize_t got;
  do {
    got = recv(socket_.get(), room.mutable_data(), room.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    const int error = errno;
    if (error != EAGAIN) Close(SystemError(write_error_ != 0 ? write_error_ : error, peer_->address, "read"));
    return;
  }
  if (got == 0) {
    read_ended_ = true;
    // An error that a write has met already is not met again by reads: this is a reset, and no proper end.
    if (write_error_ != 0) return CloseIfDrained();
    Want();
    return events_->OnEnd();
  }
  const auto size = static_cast<size_t>(got);
  if (size == room.size()) {
    hint_ = std::min(std::max(hint_, size) * 2, kLargestHint);
  } else if (size < hint_ / 4) {
    hint_ = std::max(hint_ / 2, kSmallestHint);
  }
  room.Truncate(size);
  events_->OnRead(std::move(room));
  if (!closed_ && write_error_ != 0) CloseIfDrained();
}

}  // namespace

std::unique_ptr<Channel> NewStreamChannel(UniqueFd socket, const PeerInfo& peer) {
  return std::make_unique<StreamChannel>(std::move(socket), peer);
}

}  // namespace rain
