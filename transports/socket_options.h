// What the options of a transport key say about sockets, and what is done about it.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

// setsockopt of a number. Errors: as SystemError, naming `option`.
absl::Status SetSocketOption(int fd, int level, int name, int value, absl::string_view option, absl::string_view where);

// The options that every stream socket takes.
struct BufferOptions {
  int sndbuf = 0;  // bytes; 0: the system's choice
  int rcvbuf = 0;
};
absl::StatusOr<BufferOptions> ParseBufferOptions(const TransportKey& key);
absl::Status Apply(const BufferOptions& options, int fd, absl::string_view where);

// How many peers may wait to be accepted.
absl::StatusOr<int> ParseBacklog(const TransportKey& key);

}  // namespace rain
