// The channel of every connected stream socket: TCP, Unix, adopted and inherited descriptors.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/loop.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {

// `socket` is connected, and made non-blocking. Thread: loop (home).
// A peer's reset is seen by the next read or write: while reading is paused and nothing pends, nothing is asked of the socket.
// Errors: as WatchDescriptor.
absl::StatusOr<std::unique_ptr<Channel>> NewStreamChannel(Loop& home, UniqueFd socket, PeerInfo peer);

}  // namespace rain
