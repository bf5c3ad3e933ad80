#include "listenrain/transports/socket_listener.h"

#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <optional>
#include <utility>

#include "listenrain/transports/readiness.h"
#include "listenrain/transports/stream_channel.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>;

constexpr absl::Duration kFirstPause = absl::Milliseconds(10);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

// Errors of accept4 that are the peer's, already gone, or of the way to it: the listener goes on (accept(2), "Error handling").
bool IsOfOnePeer(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case ECONNRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPERM:
    case EPROTO:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

class SocketListener final : public ChannelGenerator, private TurnTask {
 public:
  explicit SocketListener(SocketListenerParts parts) : parts_(std::move(parts)) {}

  void Next(Loop& loop, Done done) override;
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override;
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  TransportKey bound_key() const override { return parts_.bound_key; }

 private:
  void OnTurn() override { Finish(std::move(failure_)); }
  void Accept();
  // The last thing done: `done_` may ask again, or destroy the listener.
  void Finish(absl::StatusOr<std::unique_ptr<Channel>> outcome) { std::exchange(done_, nullptr)(std::move(outcome)); }

  SocketListenerParts parts_;
  Loop* loop_ = nullptr;
  std::unique_ptr<Watch> watch_;
  Done done_;
  absl::Status failure_;  // known inside Next, told at the turn's end
  absl::Duration pause_ = kFirstPause;
};

void SocketListener::Next(Loop& loop, Done done) {
  assert(loop.InLoop() && done_ == nullptr);
  done_ = std::move(done);
  if (loop_ == nullptr) {
    auto watch = WatchDescriptor(loop, parts_.socket.get(), [this](Readiness) { Accept(); });
    if (!watch.ok()) {
      failure_ = std::move(watch).status();
      return loop.AtTurnEnd(*this);
    }
    watch_ = *std::move(watch);
    loop_ = &loop;
  }
  assert(loop_ == &loop);
  watch_->Want(true, false);
}

// One peer a turn. With nobody asking for it, the next one waits in the backlog.
void SocketListener::Accept() {
  if (done_ == nullptr) return watch_->Want(false, false);
  SocketAddress address;
  address.size = sizeof(address.storage);
  UniqueFd socket(accept4(parts_.socket.get(), address.get(), &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) {
    if (IsOfOnePeer(errno)) return;
    absl::Status failure = SystemError(errno, parts_.bound_key.text(), "accept");
    watch_->Want(false, false);
    return Finish(std::move(failure));
  }
  pause_ = kFirstPause;
  const PeerInfo peer = parts_.peer(socket.get(), address);
  Finish(NewStreamChannel(std::move(socket), peer));
}

std::optional<absl::Duration> SocketListener::RetryAfter(const absl::Status& why, absl::Duration) {
  switch (why.code()) {
    case absl::StatusCode::kResourceExhausted:
      return std::exchange(pause_, std::min(pause_ * 2, kLongestPause));
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kInternal:
      return std::nullopt;
    default:
      return absl::ZeroDuration();
  }
}

}  // namespace

std::unique_ptr<ChannelGenerator> NewSocketListener(SocketListenerParts parts) {
  return std::make_unique<SocketListener>(std::move(parts));
}

}  // namespace rain
