#include "listenrain/transports/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/framework/status.h"
#include "listenrain/transports/socket_address.h"
#include "listenrain/transports/socket_dialer.h"
#include "listenrain/transports/socket_listener.h"
#include "listenrain/transports/socket_options.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

constexpr int kDay = 24 * 60 * 60;

struct TcpOptions {
  std::string where;  // the key, for errors
  BufferOptions buffers;
  int nodelay = 1;
  int keepalive = 0;  // seconds
  int reuseport = 0;
  std::string congestion;
  int backlog = 0;
  int connect_timeout = 10'000;  // milliseconds
};

absl::StatusOr<TcpOptions> ParseTcpOptions(const TransportKey& key) {
  absl::Status known = key.CheckOptions({"nodelay", "keepalive", "sndbuf", "rcvbuf", "congestion", "backlog", "reuseport",
                                         "connect_timeout", "backoff", "backoff_max"});
  if (!known.ok()) return known;
  TcpOptions options;
  options.where = key.text();
  auto buffers = ParseBufferOptions(key);
  if (!buffers.ok()) return buffers.status();
  options.buffers = *buffers;
  absl::Status status = key.ReadOption("nodelay", 0, 1, options.nodelay);
  if (status.ok()) status = key.ReadOption("keepalive", 0, kDay / 4, options.keepalive);
  if (status.ok()) status = key.ReadOption("reuseport", 0, 1, options.reuseport);
  if (status.ok()) status = key.ReadOption("connect_timeout", 1, kDay * 1000, options.connect_timeout);
  if (!status.ok()) return status;
  auto backlog = ParseBacklog(key);
  if (!backlog.ok()) return backlog.status();
  options.backlog = *backlog;
  if (absl::Status backoff = ParseBackoffOptions(key).status(); !backoff.ok()) return backoff;
  options.congestion = std::string(key.option("congestion").value_or(""));
  return options;
}

absl::Status Configure(const TcpOptions& options, int fd) {
  absl::Status status = Apply(options.buffers, fd, options.where);
  const auto set = [&](int level, int name, int value, absl::string_view option) {
    if (status.ok()) status = SetSocketOption(fd, level, name, value, option, options.where);
  };
  if (options.nodelay != 0) set(IPPROTO_TCP, TCP_NODELAY, 1, "nodelay");
  if (options.keepalive > 0) {
    set(SOL_SOCKET, SO_KEEPALIVE, 1, "keepalive");
    set(IPPROTO_TCP, TCP_KEEPIDLE, options.keepalive, "keepalive");
    set(IPPROTO_TCP, TCP_KEEPINTVL, options.keepalive, "keepalive");
    set(IPPROTO_TCP, TCP_KEEPCNT, 3, "keepalive");
  }
  const std::string& congestion = options.congestion;
  if (!status.ok() || congestion.empty()) return status;
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion.data(), static_cast<socklen_t>(congestion.size())) == 0)
    return status;
  if (errno != ENOENT) return SystemError(errno, options.where, absl::StrCat("option \"congestion\" = ", congestion));
  return absl::InvalidArgumentError(absl::StrCat(options.where, ": option \"congestion\": this system has no \"", congestion,
                                                 "\" (see net.ipv4.tcp_available_congestion_control)"));
}

PeerInfo PeerOf(const SocketAddress& address) { return {absl::StrCat("tcp://", InternetAddressText(address)), {}}; }

absl::StatusOr<UniqueFd> NewSocket(int family, const TcpOptions& options) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError(errno, options.where, "socket");
  absl::Status configured = Configure(options, socket.get());
  if (!configured.ok()) return configured;
  return socket;
}

struct Target {
  TcpOptions options;
  HostPort at;
};

absl::StatusOr<Target> ParseTarget(const TransportKey& key) {
  auto options = ParseTcpOptions(key);
  if (!options.ok()) return options.status();
  auto at = ParseHostPort(key.address());
  if (!at.ok()) return At(key.text(), at.status());
  return Target{*std::move(options), *std::move(at)};
}

absl::StatusOr<SocketAttempt> Plan(const TransportKey& key) {
  auto target = ParseTarget(key);
  if (!target.ok()) return target.status();
  SocketAttempt attempt;
  attempt.addresses = KnownAddresses(target->at);
  attempt.look_up = [at = target->at] { return ResolveBlocking(at); };
  attempt.timeout = absl::Milliseconds(target->options.connect_timeout);
  attempt.configure = [options = std::move(target->options)](int fd) { return Configure(options, fd); };
  attempt.peer = [](int, const SocketAddress& address) { return PeerOf(address); };
  return attempt;
}

absl::StatusOr<std::unique_ptr<ChannelGenerator>> Dial(const TransportKey& key) {
  auto target = ParseTarget(key);
  if (!target.ok()) return target.status();
  if (target->at.port == 0)
    return absl::InvalidArgumentError(absl::StrCat(key.text(), ": port 0 is for listeners: dial their bound_key"));
  if (!target->options.congestion.empty()) {
    // Only the system knows the names.
    auto trial = NewSocket(AF_INET, target->options);
    if (absl::IsInvalidArgument(trial.status()) || absl::IsPermissionDenied(trial.status())) return trial.status();
  }
  return NewSocketDialer(key, &Plan);
}

absl::StatusOr<UniqueFd> BindAndListen(const SocketAddress& address, const TcpOptions& options) {
  auto socket = NewSocket(address.family(), options);
  if (!socket.ok()) return socket;
  absl::Status set = SetSocketOption(socket->get(), SOL_SOCKET, SO_REUSEADDR, 1, "reuseaddr", options.where);
  if (set.ok() && options.reuseport != 0) {
    set = SetSocketOption(socket->get(), SOL_SOCKET, SO_REUSEPORT, 1, "reuseport", options.where);
  }
  if (set.ok() && address.family() == AF_INET6) {
    set = SetSocketOption(socket->get(), IPPROTO_IPV6, IPV6_V6ONLY, 0, "v6only", options.where);
  }
  if (!set.ok()) return set;
  if (::bind(socket->get(), address.get(), address.size) != 0) return SystemError(errno, options.where, "bind");
  if (::listen(socket->get(), options.backlog) != 0) return SystemError(errno, options.where, "listen");
  return socket;
}

absl::StatusOr<std::vector<SocketAddress>> AddressesToListenOn(const HostPort& at) {
  std::vector<SocketAddress> addresses;
  if (at.host == "*") {
    addresses = KnownAddresses({"::", at.port});
    for (const SocketAddress& v4 : KnownAddresses({"0.0.0.0", at.port})) addresses.push_back(v4);
  } else {
    addresses = KnownAddresses(at);
  }
  if (!addresses.empty()) return addresses;
  return ResolveBlocking(at);
}

// "tcp://host:0?option" with the real address in place of host:0.
TransportKey BoundKey(const TransportKey& key, const SocketAddress& bound) {
  const char* end = key.address().data() + key.address().size();
  const absl::string_view after(end, static_cast<size_t>(key.text().data() + key.text().size() - end));
  return TransportKey(absl::StrCat("tcp://", InternetAddressText(bound), after));
}

absl::StatusOr<std::unique_ptr<ChannelGenerator>> Listen(const TransportKey& key) {
  auto target = ParseTarget(key);
  if (!target.ok()) return target.status();
  auto addresses = AddressesToListenOn(target->at);
  if (!addresses.ok()) return At(key.text(), addresses.status());
  absl::StatusOr<UniqueFd> socket = absl::UnavailableError(absl::StrCat(key.text(), ": no address"));
  for (const SocketAddress& address : *addresses) {
    socket = BindAndListen(address, target->options);
    if (socket.ok()) break;
  }
  if (!socket.ok()) return socket.status();
  SocketAddress bound;
  bound.size = sizeof(bound.storage);
  if (getsockname(socket->get(), bound.get(), &bound.size) != 0) return SystemError(errno, key.text(), "getsockname");
  SocketListenerParts parts;
  parts.socket = *std::move(socket);
  parts.bound_key = BoundKey(key, bound);
  parts.peer = [](int, const SocketAddress& address) { return PeerOf(address); };
  return NewSocketListener(std::move(parts));
}

}  // namespace

TransportScheme NewTcpScheme() { return {"tcp", &Dial, &Listen}; }

}  // namespace rain
