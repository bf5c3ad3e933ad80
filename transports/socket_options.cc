#include "listenrain/transports/socket_options.h"

#include <sys/socket.h>

#include <cerrno>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/transports/system_error.h"

namespace rain {

absl::Status SetSocketOption(int fd, int level, int name, int value, absl::string_view option, absl::string_view where) {
  if (setsockopt(fd, level, name, &value, sizeof(value)) == 0) return absl::OkStatus();
  return SystemError(errno, where, absl::StrCat("option \"", option, "\" = ", value));
}

absl::StatusOr<BufferOptions> ParseBufferOptions(const TransportKey& key) {
  constexpr int kMost = std::numeric_limits<int>::max() / 2;  // the kernel doubles it
  BufferOptions options;
  absl::Status status = key.ReadOption("sndbuf", 0, kMost, options.sndbuf);
  if (status.ok()) status = key.ReadOption("rcvbuf", 0, kMost, options.rcvbuf);
  if (!status.ok()) return status;
  return options;
}

absl::Status Apply(const BufferOptions& options, int fd, absl::string_view where) {
  if (options.sndbuf > 0) {
    absl::Status set = SetSocketOption(fd, SOL_SOCKET, SO_SNDBUF, options.sndbuf, "sndbuf", where);
    if (!set.ok()) return set;
  }
  if (options.rcvbuf > 0) return SetSocketOption(fd, SOL_SOCKET, SO_RCVBUF, options.rcvbuf, "rcvbuf", where);
  return absl::OkStatus();
}

absl::StatusOr<int> ParseBacklog(const TransportKey& key) {
  int backlog = 4096;
  if (absl::Status status = key.ReadOption("backlog", 1, 65535, backlog); !status.ok()) return status;
  return backlog;
}

}  // namespace rain
