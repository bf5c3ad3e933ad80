// The dialer of every kind of stream socket: tries the addresses in turn.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/transports/lookup.h"
#include "listenrain/transports/socket_address.h"

namespace rain {

// Wherein dialers of stream sockets differ.
struct SocketDialerParts {
  TransportKey key;
  std::vector<SocketAddress> addresses;                                // empty: look_up finds them, for each attempt anew
  std::function<Lookup::Addresses()> look_up;                          // blocking; called on a thread of its own
  absl::Duration timeout = absl::Seconds(10);                          // of an attempt as a whole; each address has a share
  BackoffOptions backoff;                                              // between attempts
  std::function<absl::Status(int fd)> configure;                       // before connecting
  std::function<PeerInfo(int fd, const SocketAddress& address)> peer;  // once connected
};

// Thread: any for the call; the generator's contract for the rest.
std::unique_ptr<ChannelGenerator> NewSocketDialer(SocketDialerParts parts);

}  // namespace rain
