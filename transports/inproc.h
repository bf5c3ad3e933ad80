// The inproc scheme: channels inside one process, inproc://name. Both ends may live on one loop or on two.
//
// Buffers pass from the writer to the reader; no byte is copied. Each direction is a pipe of bounded capacity, so that a reader
// that pauses stops the writer as on a socket. A buffer of 64 KiB and more is never cut, lest the reader have to put a large
// packet together again: a pipe that has any room accepts it, and so holds at most one such buffer beyond its capacity. When an
// end is closed or destroyed, the peer is given what the pipe had accepted, then OnEnd if the pipe had accepted all, then
// OnClosed(UNAVAILABLE); the last does not come where nothing was lost: the peer had called CloseWrite, and all it wrote was
// read. While an end does not read, it is told nothing of its peer's end.
#pragma once

#include <memory>

#include "listenrain/framework/channel_generator.h"

namespace rain {

// The names that are listened on. A key means one access point in one network, and nothing in another. Thread: any.
class InprocNetwork;
std::shared_ptr<InprocNetwork> NewInprocNetwork();

// Options of a listener's key: `pipe`, the capacity of each direction in bytes (4096 to 1 GiB, default 1 MiB), and `backlog`,
// how many dialed channels wait to be accepted (1 to 65536, default 128); the next dial is refused. A dialer's key may have them
// too, so that one key serves both; its own are `backoff` and `backoff_max` (framework/backoff.h).
TransportScheme NewInprocScheme(std::shared_ptr<InprocNetwork> network = NewInprocNetwork());

}  // namespace rain
