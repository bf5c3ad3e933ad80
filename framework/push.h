// Push: one message to every peer of a listener.
#pragma once

#include <cstddef>

#include "listenrain/framework/listener.h"
#include "listenrain/framework/transport_handle.h"

namespace rain {

// Posts to all who are connected now. Returns how many transports took it; one that is gone, or whose queue is full, does not.
// Thread: any.
template <class M>
size_t PostToAll(const Listener& listener, const Protocol<M>& protocol, const M& message) {
  size_t taken = 0;
  for (const Connection& connection : listener.connections()) {
    if (TransportHandle<M>(protocol, connection).Post(message).ok()) ++taken;
  }
  return taken;
}

}  // namespace rain
