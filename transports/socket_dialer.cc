#include "listenrain/transports/socket_dialer.h"

#include <sys/socket.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/status.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/stream_channel.h"
#include "listenrain/transports/system_error.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>;

// As a timer it is the limit of a look-up, or of an address; as a turn task it tells an outcome that was known inside Next.
class SocketDialer final : public ChannelGenerator, private TurnTask, private Timer {
 public:
  explicit SocketDialer(SocketDialerParts parts) : parts_(std::move(parts)), backoff_(parts_.backoff) {}

  void Next(Loop& loop, Done done) override;
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override {
    return backoff_.RetryAfter(*loop_, why, lived);
  }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  TransportKey bound_key() const override { return parts_.key; }

 private:
  void OnTimer() override;
  void OnTurnEnd() override;
  void TryAddresses();
  bool Connect(const SocketAddress& address);
  void OnReady();
  void Failed(absl::Status why);
  void Connected();
  bool ReachedItself() const;
  void Settle(bool connected);
  void Finish(absl::StatusOr<std::unique_ptr<Channel>> outcome);
  std::string Where() const;

  const SocketDialerParts parts_;
  Backoff backoff_;
  Loop* loop_ = nullptr;
  Instant limit_;  // of the attempt
  Done done_;
  std::unique_ptr<Lookup> lookup_;
  std::vector<SocketAddress> addresses_;
  size_t next_address_ = 0;
  UniqueFd socket_;
  std::unique_ptr<Watch> watch_;
  bool settled_ = false;    // the outcome is known, and told at the turn's end
  bool connected_ = false;  // it is success
  absl::Status failure_;    // of the addresses tried so far
};

void SocketDialer::Next(Loop& loop, Done done) {
  assert(loop.InLoop() && done_ == nullptr);
  loop_ = &loop;
  done_ = std::move(done);
  failure_ = absl::OkStatus();
  next_address_ = 0;
  limit_ = loop.clock().Now() + parts_.timeout;
  loop.timers().Arm(*this, limit_);
  addresses_ = parts_.addresses;
  if (!addresses_.empty()) return TryAddresses();
  lookup_ = std::make_unique<Lookup>(loop, parts_.look_up, [this](Lookup::Addresses found) {
    lookup_.reset();
    if (!found.ok()) return Finish(At(parts_.key.text(), found.status()));
    addresses_ = *std::move(found);
    TryAddresses();
  });
}

// The key, and which of its name's addresses.
std::string SocketDialer::Where() const {
  if (!parts_.addresses.empty() || next_address_ == 0) return parts_.key.text();
  return absl::StrCat(parts_.key.text(), " (", InternetAddressText(addresses_[next_address_ - 1]), ")");
}

// Until one connects or waits for its peer.
void SocketDialer::TryAddresses() {
  while (next_address_ < addresses_.size()) {
    if (Connect(addresses_[next_address_++])) return;
  }
  Settle(false);
}

void SocketDialer::Settle(bool connected) {
  settled_ = true;
  connected_ = connected;
  loop_->AtTurnEnd(*this);
}

bool SocketDialer::Connect(const SocketAddress& address) {
  socket_ = UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return Failed(SystemError(errno, Where(), "socket")), false;
  absl::Status configured = parts_.configure(socket_.get());
  if (!configured.ok()) return Failed(std::move(configured)), false;
  if (::connect(socket_.get(), address.get(), address.size) == 0) {
    Settle(true);
    return true;
  }
  if (errno != EINPROGRESS && errno != EINTR) return Failed(SystemError(errno, Where(), "connect")), false;
  auto watch = WatchDescriptor(*loop_, socket_.get(), [this](Readiness) { OnReady(); });
  if (!watch.ok()) return Failed(std::move(watch).status()), false;
  watch_ = *std::move(watch);
  watch_->Want(false, true);
  const Instant now = loop_->clock().Now();
  const size_t left = addresses_.size() - next_address_ + 1;
  loop_->timers().Arm(*this, now + (limit_ - now) / static_cast<int64_t>(left));
  return true;
}

void SocketDialer::OnReady() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0) return Connected();
  Failed(SystemError(error, Where(), "connect"));
  TryAddresses();
}

void SocketDialer::Failed(absl::Status why) {
  watch_.reset();
  socket_.reset();
  failure_ = failure_.ok() ? std::move(why) : absl::Status(why.code(), absl::StrCat(failure_.message(), "; ", why.message()));
}

// A local port nobody listens on may be chosen for our own end; TCP then connects the socket to itself.
bool SocketDialer::ReachedItself() const {
  SocketAddress own;
  own.size = sizeof(own.storage);
  if (getsockname(socket_.get(), own.get(), &own.size) != 0) return false;
  const SocketAddress& peer = addresses_[next_address_ - 1];
  if (own.family() != AF_INET && own.family() != AF_INET6) return false;
  return InternetAddressText(own) == InternetAddressText(peer);
}

void SocketDialer::Connected() {
  if (ReachedItself()) {
    Failed(SystemError(ECONNREFUSED, Where(), "connect"));
    return TryAddresses();
  }
  watch_.reset();
  PeerInfo peer = parts_.peer(socket_.get(), addresses_[next_address_ - 1]);
  Finish(NewStreamChannel(std::move(socket_), std::move(peer)));
}

void SocketDialer::OnTurnEnd() {
  settled_ = false;
  if (connected_) return Connected();
  Finish(std::move(failure_));
}

void SocketDialer::OnTimer() {
  if (settled_) return;
  Failed(absl::UnavailableError(
      absl::StrCat(Where(), ": ", lookup_ != nullptr ? "the name was not resolved" : "no answer to connect", " within ",
                   addresses_.size() > 1 ? "its share of " : "", absl::FormatDuration(parts_.timeout),
                   " (option connect_timeout, in milliseconds)")));
  lookup_.reset();
  TryAddresses();
}

// The last thing done: `done_` may ask again, or destroy the dialer.
void SocketDialer::Finish(absl::StatusOr<std::unique_ptr<Channel>> outcome) {
  loop_->timers().Cancel(*this);
  settled_ = false;
  lookup_.reset();
  watch_.reset();
  socket_.reset();
  std::exchange(done_, nullptr)(std::move(outcome));
}

}  // namespace

std::unique_ptr<ChannelGenerator> NewSocketDialer(SocketDialerParts parts) {
  return std::make_unique<SocketDialer>(std::move(parts));
}

}  // namespace rain
