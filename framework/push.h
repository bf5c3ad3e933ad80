// Push: one message to many peers.
#pragma once

#include <cstddef>
#include <vector>

#include "listenrain/framework/connection.h"
#include "listenrain/framework/transport_handle.h"

namespace rain {

// Posts to each, such as to listener.connections(). Returns how many transports took it; one that is gone, or whose queue is
// full, does not. Thread: any.
template <class M>
size_t PostToAll(const Protocol<M>& protocol, const std::vector<Connection>& connections, const M& message) {
  size_t taken = 0;
  for (const Connection& connection : connections) {
    if (TransportHandle<M>(protocol, connection).Post(message).ok()) ++taken;
  }
  return taken;
}

}  // namespace rain
