#include "listenrain/bench/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "listenrain/bench/process.h"

namespace rain::bench {
namespace {

constexpr absl::string_view kLoopback = "127.0.0.1:";

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress TcpAddress(uint16_t port) {
  SocketAddress address;
  sockaddr_in ip{};
  ip.sin_family = AF_INET;
  ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ip.sin_port = htons(port);
  std::memcpy(&address.storage, &ip, sizeof(ip));
  address.size = sizeof(ip);
  return address;
}

// An empty name asks the system for one of its choice.
absl::StatusOr<SocketAddress> UnixAddress(absl::string_view abstract_name) {
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  if (abstract_name.size() >= sizeof(path.sun_path)) return absl::InvalidArgumentError("the abstract name is too long");
  SocketAddress address;
  address.size = offsetof(sockaddr_un, sun_path);
  if (!abstract_name.empty()) {
    std::memcpy(path.sun_path + 1, abstract_name.data(), abstract_name.size());
    address.size += static_cast<socklen_t>(1 + abstract_name.size());
  }
  std::memcpy(&address.storage, &path, sizeof(path));
  return address;
}

absl::StatusOr<SocketAddress> Parse(Carrier carrier, absl::string_view text) {
  absl::string_view rest = text;
  if (carrier == Carrier::tcp && absl::ConsumePrefix(&rest, kLoopback)) {
    if (uint32_t port = 0; absl::SimpleAtoi(rest, &port) && port <= 0xffff) return TcpAddress(static_cast<uint16_t>(port));
  }
  if (carrier == Carrier::local && absl::ConsumePrefix(&rest, "@") && !rest.empty()) return UnixAddress(rest);
  return absl::InvalidArgumentError(absl::StrCat(text, ": no address of --transport=", NameOf(carrier)));
}

absl::StatusOr<std::string> BoundAddress(int socket, Carrier carrier) {
  SocketAddress bound;
  bound.size = sizeof(bound.storage);
  if (::getsockname(socket, bound.raw(), &bound.size) != 0) return SystemError("getsockname", errno);
  if (carrier == Carrier::tcp) {
    sockaddr_in ip;
    std::memcpy(&ip, &bound.storage, sizeof(ip));
    return absl::StrCat(kLoopback, ntohs(ip.sin_port));
  }
  sockaddr_un path;
  std::memcpy(&path, &bound.storage, sizeof(path));
  const size_t name_at = offsetof(sockaddr_un, sun_path) + 1;
  return absl::StrCat("@", absl::string_view(path.sun_path + 1, bound.size - name_at));
}

// Set before listening or connecting, and so for every socket accepted.
absl::StatusOr<Descriptor> NewSocket(const Options& options) {
  const bool tcp = options.carrier == Carrier::tcp;
  Descriptor socket(::socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return SystemError("socket", errno);
  if (!tcp) return socket;
  const int on = 1;
  if (::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) return SystemError("TCP_NODELAY", errno);
  if (options.congestion.empty()) return socket;
  if (::setsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, options.congestion.data(),
                   static_cast<socklen_t>(options.congestion.size())) != 0) {
    return SystemError(absl::StrCat("--congestion=", options.congestion), errno);
  }
  return socket;
}

absl::StatusOr<Descriptor> NonBlocking(Descriptor socket) {
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) return SystemError("O_NONBLOCK", errno);
  return socket;
}

}  // namespace

absl::StatusOr<Listening> Listen(const Options& options) {
  absl::StatusOr<SocketAddress> address =
      options.carrier == Carrier::tcp ? absl::StatusOr<SocketAddress>(TcpAddress(0)) : UnixAddress("");
  if (!address.ok()) return address.status();
  absl::StatusOr<Descriptor> socket = NewSocket(options);
  if (!socket.ok()) return socket.status();
  if (::bind(socket->get(), address->raw(), address->size) != 0) return SystemError("bind", errno);
  if (::listen(socket->get(), SOMAXCONN) != 0) return SystemError("listen", errno);
  absl::StatusOr<std::string> bound = BoundAddress(socket->get(), options.carrier);
  if (!bound.ok()) return bound.status();
  socket = NonBlocking(*std::move(socket));
  if (!socket.ok()) return socket.status();
  return Listening{*std::move(socket), *std::move(bound)};
}

absl::StatusOr<Descriptor> Accept(const Listening& at) {
  Descriptor accepted(::accept4(at.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!accepted.valid() && errno != EAGAIN) return SystemError("accept", errno);
  return accepted;
}

absl::StatusOr<Descriptor> AcceptOne(const Listening& at) {
  pollfd peer{at.socket.get(), POLLIN, 0};
  if (::poll(&peer, 1, -1) < 0) return SystemError("poll", errno);
  return Accept(at);
}

absl::StatusOr<Descriptor> Connect(const Options& options, absl::string_view address) {
  absl::StatusOr<SocketAddress> peer = Parse(options.carrier, address);
  if (!peer.ok()) return peer.status();
  absl::StatusOr<Descriptor> socket = NewSocket(options);
  if (!socket.ok()) return socket.status();
  if (::connect(socket->get(), peer->raw(), peer->size) != 0) return SystemError(absl::StrCat("connect to ", address), errno);
  return NonBlocking(*std::move(socket));
}

}  // namespace rain::bench
