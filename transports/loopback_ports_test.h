// Ports of the loopback that refuse and that do not answer. For tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/transports/socket_address.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {

// A port of the loopback that is bound, and so taken, but on which nobody listens.
struct SilentPort {
  SilentPort() {
    socket = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address = KnownAddresses({"127.0.0.1", 0})[0];
    EXPECT_EQ(bind(socket.get(), address.get(), address.size), 0);
    EXPECT_EQ(getsockname(socket.get(), address.get(), &address.size), 0);
    key = absl::StrCat("tcp://", InternetAddressText(address));
  }
  UniqueFd socket;
  SocketAddress address;
  std::string key;
};

// A listener that accepts nobody and whose backlog is full: a connection to it is not answered.
struct BlackHole : SilentPort {
  BlackHole() {
    EXPECT_EQ(listen(socket.get(), 0), 0);
    for (int i = 0; i < 4; ++i) {
      waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)connect(waiting.back().get(), address.get(), address.size);  // only begins
    }
  }
  std::vector<UniqueFd> waiting;
};

}  // namespace rain
