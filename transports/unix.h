// Unix sockets: unix:///run/x.sock, and unix:@name in Linux's abstract namespace, which has no files.
#pragma once

#include "listenrain/framework/channel_generator.h"

namespace rain {

// Options, the same for both sides, so that one key serves both:
//   mode=octal         listening on a path: the socket file's mode, such as 660; default: what the umask leaves
//   sndbuf=, rcvbuf=   bytes; default: the system's choice
//   backlog=count      listening: peers that may wait to be accepted, default 4096 (net.core.somaxconn bounds it)
//   backoff=, backoff_max=  dialing again: the first wait at most and every wait at most, in ms (framework/backoff.h)
// A listener replaces a socket file nobody listens on any more, and no other kind of file; it removes its own file when it ends.
// The system vouches for the peer's credentials, on both sides: those of the process that connected, or listened.
// Errors beside the scheme's: INVALID_ARGUMENT if the path is too long (107 bytes), FAILED_PRECONDITION if there is a file that
// is no socket.
TransportScheme NewUnixScheme();

}  // namespace rain
