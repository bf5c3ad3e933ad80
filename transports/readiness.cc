#include "listenrain/transports/readiness.h"

#include <utility>

namespace rain {

absl::StatusOr<std::unique_ptr<Watch>> WatchDescriptor(Loop& loop, int fd, WatchCallback callback) {
  auto* descriptors = dynamic_cast<DescriptorLoop*>(&loop);
  if (descriptors == nullptr) {
    return absl::FailedPreconditionError("this loop cannot wait for descriptors: sockets need a libuv loop (NewUvLoop)");
  }
  return descriptors->NewWatch(fd, std::move(callback));
}

}  // namespace rain
