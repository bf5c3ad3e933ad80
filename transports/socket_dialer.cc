#include "listenrain/transports/socket_dialer.h"

#include <sys/socket.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/framework/rare_ptr.h"
#include "listenrain/framework/status.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/stream_channel.h"
#include "listenrain/transports/system_error.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {
namespace {

using Outcome = absl::StatusOr<std::unique_ptr<Channel>>;
using Done = absl::AnyInvocable<void(Outcome) &&>;

// One attempt: lives until it has told its outcome, or is given up. As a timer it is the limit of a look-up, or of an address; as
// a turn task it tells an outcome that was known at once.
class Attempt final : private TurnTask, private Timer {
 public:
  // `key` and `loop` are borrowed.
  Attempt(const TransportKey& key, Loop& loop, Done done) : key_(key), loop_(loop), done_(std::move(done)) {}

  // The outcome follows later.
  void Begin(absl::StatusOr<SocketAttempt> parts);

 private:
  void OnTimer() override;
  void OnTurn() override;
  void TryAddresses();
  bool Connect(const SocketAddress& address);
  void OnReady();
  void Failed(absl::Status why);
  void Connected();
  bool ReachedItself() const;
  void Settle(bool connected);
  // The last thing done.
  void Finish(Outcome outcome) { std::exchange(done_, nullptr)(std::move(outcome)); }
  std::string Where() const;

  const TransportKey& key_;
  Loop& loop_;
  Done done_;  // destroys this
  SocketAttempt parts_;
  bool looked_up_ = false;
  Instant limit_;  // of the attempt
  std::unique_ptr<Lookup> lookup_;
  size_t next_address_ = 0;
  UniqueFd socket_;
  std::unique_ptr<Watch> watch_;
  bool settled_ = false;    // the outcome is known, and told at the turn's end
  bool connected_ = false;  // it is success
  absl::Status failure_;    // of the addresses tried so far
};

void Attempt::Begin(absl::StatusOr<SocketAttempt> parts) {
  if (!parts.ok()) {
    failure_ = std::move(parts).status();
    return Settle(false);
  }
  parts_ = *std::move(parts);
  limit_ = loop_.clock().Now() + parts_.timeout;
  loop_.timers().Arm(*this, limit_);
  if (!parts_.addresses.empty()) return TryAddresses();
  lookup_ = std::make_unique<Lookup>(loop_, parts_.look_up, [this](Lookup::Addresses found) {
    lookup_.reset();
    if (!found.ok()) return Finish(At(key_.text(), found.status()));
    parts_.addresses = *std::move(found);
    looked_up_ = true;
    TryAddresses();
  });
}

// The key, and which of its name's addresses.
std::string Attempt::Where() const {
  if (!looked_up_ || next_address_ == 0) return key_.text();
  return absl::StrCat(key_.text(), " (", InternetAddressText(parts_.addresses[next_address_ - 1]), ")");
}

// Until one connects or waits for its peer.
void Attempt::TryAddresses() {
  while (next_address_ < parts_.addresses.size()) {
    if (Connect(parts_.addresses[next_address_++])) return;
  }
  Settle(false);
}

void Attempt::Settle(bool connected) {
  settled_ = true;
  connected_ = connected;
  loop_.AtTurnEnd(*this);
}

bool Attempt::Connect(const SocketAddress& address) {
  socket_ = UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return Failed(SystemError(errno, Where(), "socket")), false;
  absl::Status configured = parts_.configure(socket_.get());
  if (!configured.ok()) return Failed(std::move(configured)), false;
  if (::connect(socket_.get(), address.get(), address.size) == 0) {
    Settle(true);
    return true;
  }
  if (errno != EINPROGRESS && errno != EINTR) return Failed(SystemError(errno, Where(), "connect")), false;
  auto watch = WatchDescriptor(loop_, socket_.get(), [this](Readiness) { OnReady(); });
  if (!watch.ok()) return Failed(std::move(watch).status()), false;
  watch_ = *std::move(watch);
  watch_->Want(false, true);
  const Instant now = loop_.clock().Now();
  const size_t left = parts_.addresses.size() - next_address_ + 1;
  loop_.timers().Arm(*this, now + (limit_ - now) / static_cast<int64_t>(left));
  return true;
}

void Attempt::OnReady() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0) return Connected();
  Failed(SystemError(error, Where(), "connect"));
  TryAddresses();
}

void Attempt::Failed(absl::Status why) {
  watch_.reset();
  socket_.reset();
  failure_ = failure_.ok() ? std::move(why) : absl::Status(why.code(), absl::StrCat(failure_.message(), "; ", why.message()));
}

// A local port nobody listens on may be chosen for our own end; TCP then connects the socket to itself.
bool Attempt::ReachedItself() const {
  SocketAddress own;
  own.size = sizeof(own.storage);
  if (getsockname(socket_.get(), own.get(), &own.size) != 0) return false;
  const SocketAddress& peer = parts_.addresses[next_address_ - 1];
  if (own.family() != AF_INET && own.family() != AF_INET6) return false;
  return InternetAddressText(own) == InternetAddressText(peer);
}

void Attempt::Connected() {
  if (ReachedItself()) {
    Failed(SystemError(ECONNREFUSED, Where(), "connect"));
    return TryAddresses();
  }
  watch_.reset();
  const PeerInfo peer = parts_.peer(socket_.get(), parts_.addresses[next_address_ - 1]);
  Finish(NewStreamChannel(std::move(socket_), peer));
}

void Attempt::OnTurn() {
  settled_ = false;
  if (connected_) return Connected();
  Finish(std::move(failure_));
}

void Attempt::OnTimer() {
  if (settled_) return;
  Failed(absl::UnavailableError(
      absl::StrCat(Where(), ": ", lookup_ != nullptr ? "the name was not resolved" : "no answer to connect", " within ",
                   parts_.addresses.size() > 1 ? "its share of " : "", absl::FormatDuration(parts_.timeout),
                   " (option connect_timeout, in milliseconds)")));
  lookup_.reset();
  TryAddresses();
}

class SocketDialer final : public ChannelGenerator {
 public:
  SocketDialer(TransportKey key, PlanAttempt plan) : key_(std::move(key)), plan_(plan) {}

  void Next(Loop& loop, Done done) override {
    assert(loop.InLoop() && attempt_ == nullptr);
    loop_ = &loop;
    attempt_ = std::make_unique<Attempt>(key_, loop, [this, done = std::move(done)](Outcome outcome) mutable {
      attempt_.reset();
      std::move(done)(std::move(outcome));  // may ask again, or destroy the dialer
    });
    attempt_->Begin(plan_(key_));
  }
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override {
    if (backoff_ == nullptr) backoff_ = MakeRare<Backoff>(*ParseBackoffOptions(key_));
    return backoff_->RetryAfter(*loop_, why, lived);
  }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  TransportKey bound_key() const override { return key_; }

 private:
  const TransportKey key_;
  const PlanAttempt plan_;
  RarePtr<Backoff> backoff_;  // null before the first failure
  Loop* loop_ = nullptr;
  std::unique_ptr<Attempt> attempt_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelGenerator>> NewSocketDialer(TransportKey key, PlanAttempt plan) {
  if (absl::Status backoff = ParseBackoffOptions(key).status(); !backoff.ok()) return backoff;
  return std::make_unique<SocketDialer>(std::move(key), plan);
}

}  // namespace rain
