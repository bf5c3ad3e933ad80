// The dialer of every kind of stream socket: tries the addresses in turn.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/transport_key.h"
#include "listenrain/transports/lookup.h"
#include "listenrain/transports/socket_address.h"

namespace rain {

// What one attempt to connect needs to know.
struct SocketAttempt {
  std::vector<SocketAddress> addresses;                                // empty: look_up finds them
  std::function<Lookup::Addresses()> look_up;                          // blocking; called on a thread of its own
  absl::Duration timeout = absl::Seconds(10);                          // of the attempt as a whole; each address has a share
  std::function<absl::Status(int fd)> configure;                       // before connecting
  std::function<PeerInfo(int fd, const SocketAddress& address)> peer;  // once connected
};

// Wherein dialers of stream sockets differ: what the key says. Asked for each attempt, so that while a channel lives nothing of
// it is kept but the key. Thread: loop.
using PlanAttempt = absl::StatusOr<SocketAttempt> (*)(const TransportKey& key);

// Thread: any for the call; the generator's contract for the rest. Errors: of ParseBackoffOptions.
absl::StatusOr<std::unique_ptr<ChannelGenerator>> NewSocketDialer(TransportKey key, PlanAttempt plan);

}  // namespace rain
