#include "listenrain/transports/socket_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

// Returns getaddrinfo's result code.
int Resolve(const HostPort& at, int flags, std::vector<SocketAddress>& addresses) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found);
  if (error != 0) return error;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
  }
  freeaddrinfo(found);
  return 0;
}

}  // namespace

static_assert(sizeof(SocketAddress::storage) == sizeof(sockaddr_storage) && alignof(SocketAddress) >= alignof(sockaddr_storage));

int SocketAddress::family() const {
  sa_family_t family = AF_UNSPEC;
  std::memcpy(&family, storage + offsetof(sockaddr_storage, ss_family), sizeof(family));
  return family;
}

std::string InternetAddressText(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address.storage, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat(text, ":", ntohs(v4.sin_port));
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, address.storage, sizeof(v6));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
    return absl::StrCat(text, ":", ntohs(v6.sin6_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  const std::string scope = v6.sin6_scope_id == 0 ? "" : absl::StrCat("%", v6.sin6_scope_id);
  return absl::StrCat("[", text, scope, "]:", ntohs(v6.sin6_port));
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  const auto wrong = [text](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("address \"", text, "\": ", what, " (it reads host:port or [v6 address]:port)"));
  };
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return wrong("no port");
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port = text.substr(colon + 1);
  const bool bracketed = !host.empty() && host.front() == '[';
  if (bracketed) {
    if (host.back() != ']') return wrong("no port after the bracket");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != absl::string_view::npos) {
    return wrong("an IPv6 address goes in brackets");
  }
  if (host.empty()) return wrong("no host");
  uint32_t number = 0;
  const bool digits = port.find_first_not_of("0123456789") == absl::string_view::npos;
  if (!digits || !absl::SimpleAtoi(port, &number) || number > 65535) return wrong("the port is no number from 0 to 65535");
  return HostPort{std::string(host), static_cast<uint16_t>(number)};
}

std::vector<SocketAddress> KnownAddresses(const HostPort& at) {
  std::vector<SocketAddress> addresses;
  if (at.host == "localhost") {  // always the loopback (RFC 6761), whatever a resolver thinks
    Resolve({"127.0.0.1", at.port}, AI_NUMERICHOST, addresses);
    Resolve({"::1", at.port}, AI_NUMERICHOST, addresses);
  } else {
    Resolve(at, AI_NUMERICHOST, addresses);
  }
  return addresses;
}

absl::StatusOr<std::vector<SocketAddress>> ResolveBlocking(const HostPort& at) {
  std::vector<SocketAddress> addresses;
  const int error = Resolve(at, 0, addresses);
  const std::string where = absl::StrCat("name \"", at.host, "\"");
  if (error == EAI_SYSTEM) return SystemError(errno, where, "getaddrinfo");
  if (error == EAI_MEMORY) return SystemError(ENOMEM, where, "getaddrinfo");
  if (error != 0) return absl::UnavailableError(absl::StrCat(where, ": cannot be resolved: ", gai_strerror(error)));
  return addresses;
}

}  // namespace rain
