// Raw peers in this process: the channels of an inproc scheme, each on a loop of its own.
#pragma once

#include <memory>

#include "listenrain/testing/faults/raw_peer_test.h"

namespace rain {

std::unique_ptr<RawPeer> DialRawInproc(const TransportKey& key, const TransportScheme& scheme);
std::unique_ptr<RawListener> ListenRawInproc(const TransportKey& key, const TransportScheme& scheme);

}  // namespace rain
