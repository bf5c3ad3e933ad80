#include "listenrain/testing/faults/raw_peer_test.h"

#include "listenrain/testing/faults/raw_inproc_test.h"
#include "listenrain/testing/faults/raw_socket_test.h"

namespace rain {

std::unique_ptr<RawPeer> DialRaw(const TransportKey& key, const TransportScheme& inproc) {
  return key.scheme() == inproc.name ? DialRawInproc(key, inproc) : DialRawSocket(key);
}

std::unique_ptr<RawListener> ListenRaw(const TransportKey& key, const TransportScheme& inproc, int backlog) {
  return key.scheme() == inproc.name ? ListenRawInproc(key, inproc) : ListenRawSocket(key, backlog);
}

}  // namespace rain
