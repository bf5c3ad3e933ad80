// SocketAddress: an address as the system wants it, and as a transport key writes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sockaddr;  // of <sys/socket.h>

namespace rain {

struct SocketAddress {
  alignas(8) char storage[128] = {};  // as sockaddr_storage
  uint32_t size = 0;                  // as socklen_t; of what is used

  // AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC while empty.
  int family() const;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(storage); }
};

// "127.0.0.1:80", "[::1]:80"; an IPv4 address mapped into IPv6 reads as IPv4.
std::string InternetAddressText(const SocketAddress& address);

// What a key's address says, before anybody looks it up.
struct HostPort {
  std::string host;  // a name or an address without brackets
  uint16_t port = 0;
};

// "name:port", "1.2.3.4:port", "[v6]:port". Errors: INVALID_ARGUMENT saying what is wrong, without the place.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// The addresses of a numeric host, or of "localhost" (both loopbacks); none if it is another name. Never blocks.
std::vector<SocketAddress> KnownAddresses(const HostPort& at);

// Asks the system's resolver: may block for many seconds. Errors: UNAVAILABLE (unresolvable), RESOURCE_EXHAUSTED.
absl::StatusOr<std::vector<SocketAddress>> ResolveBlocking(const HostPort& at);

}  // namespace rain
