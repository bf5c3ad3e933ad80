// The listener of every kind of stream socket.
#pragma once

#include <functional>
#include <memory>

#include "listenrain/framework/channel_generator.h"
#include "listenrain/transports/socket_address.h"
#include "listenrain/transports/socket_file.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {

// Wherein listeners on stream sockets differ.
struct SocketListenerParts {
  UniqueFd socket;                   // listens already, and does not block
  std::unique_ptr<SocketFile> file;  // or null. Ends before the socket
  TransportKey bound_key;
  std::function<PeerInfo(int fd, const SocketAddress& address)> peer;
};

// Accepted sockets take over the options of the listening one. The socket is watched from the first Next on, by its loop.
// Without a descriptor Next fails with RESOURCE_EXHAUSTED, and RetryAfter grows from 10 ms to 1 s: peers wait in the backlog.
// Thread: any for the call; the generator's contract for the rest.
std::unique_ptr<ChannelGenerator> NewSocketListener(SocketListenerParts parts);

}  // namespace rain
