// The channel of every connected stream socket: TCP, Unix, adopted and inherited descriptors.
#pragma once

#include <memory>

#include "listenrain/framework/channel.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {

// `socket` is connected, and made non-blocking. A home that cannot watch it (see WatchDescriptor) closes the channel. Thread:
// any. A peer's reset is seen by the next read or write: while reading is paused and nothing pends, nothing is asked of the
// socket.
std::unique_ptr<Channel> NewStreamChannel(UniqueFd socket, const PeerInfo& peer);

}  // namespace rain
