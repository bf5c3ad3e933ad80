// TCP: tcp://127.0.0.1:8899, tcp://[::1]:8899, tcp://name:8899; localhost is always the loopback.
#pragma once

#include "listenrain/framework/channel_generator.h"

namespace rain {

// Options, the same for both sides, so that one key serves both:
//   nodelay=0|1            default 1: small packets leave at once
//   keepalive=seconds      default 0: off. Idle so long, the peer is probed, three times, as long apart
//   sndbuf=, rcvbuf=       bytes; default: the system tunes them
//   congestion=name        the algorithm, such as cubic or bbr; default: the system's
//   backlog=count          listening: peers that may wait to be accepted, default 4096 (net.core.somaxconn bounds it)
//   reuseport=0|1          listening: several listeners, of this program and of others, share the port, if all say so; the system
//                          spreads the peers. Default 0
//   connect_timeout=ms     dialing, the name's resolution included; default 10000
//   backoff=, backoff_max= dialing again: the first wait at most and every wait at most, in ms (framework/backoff.h)
// A listener takes port 0 for a free one (see bound_key), "[::]" for IPv6 and IPv4, "*" for whichever of these exists. A host
// name to listen on is resolved before `listen` returns; one to dial is resolved for each attempt, off the loop.
TransportScheme NewTcpScheme();

}  // namespace rain
