// SocketAddress: an address as the system wants it, and as a transport key writes it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rain {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// "127.0.0.1:80", "[::1]:80"; an IPv4 address mapped into IPv6 reads as IPv4.
std::string InternetAddressText(const SocketAddress& address);

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
