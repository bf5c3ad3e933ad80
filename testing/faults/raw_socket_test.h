// Raw peers on sockets of the system.
#pragma once

#include <memory>

#include "listenrain/testing/faults/raw_peer_test.h"

namespace rain {

std::unique_ptr<RawPeer> DialRawSocket(const TransportKey& key);
std::unique_ptr<RawListener> ListenRawSocket(const TransportKey& key, int backlog);

}  // namespace rain
