#include "listenrain/testing/faults/raw_peer.h"

#include "listenrain/testing/faults/raw_inproc.h"
#include "listenrain/testing/faults/raw_socket.h"

namespace rain {

std::unique_ptr<RawPeer> DialRaw(const TransportKey& key, const TransportScheme& inproc) {
  return key.scheme() == inproc.name ? DialRawInproc(key, inproc) : DialRawSocket(key);
}

std::unique_ptr<RawListener> ListenRaw(const TransportKey& key, const TransportScheme& inproc, int backlog) {
  return key.scheme() == inproc.name ? ListenRawInproc(key, inproc) : ListenRawSocket(key, backlog);
}

}  // namespace rain
