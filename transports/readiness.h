// Readiness of file descriptors, for channels of one's own on a descriptor: no libuv header needed.
#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/loop.h"

namespace rain {

// What a descriptor is ready for. `error` (the descriptor failed, or the peer hung up) comes with all that was wanted: the
// next read or write tells more.
struct Readiness {
  bool readable = false;
  bool writable = false;
  bool error = false;
};

// Called again and again while the descriptor is ready for what is wanted (level-triggered). May destroy its watch. What it
// throws is logged. Thread: loop.
using WatchCallback = absl::AnyInvocable<void(Readiness)>;

// One watched descriptor. Wants nothing at first, and reports nothing then, not even an error. Destroying it ends it at once: the
// descriptor may be closed right after. Made by WatchDescriptor. Thread: loop.
class Watch {
 public:
  virtual ~Watch() = default;
  // Changing what is wanted may cost system calls, repeating it costs none. No effect once the loop has ended.
  virtual void Want(bool readable, bool writable) = 0;
};

// A loop that can wait for descriptors.
class DescriptorLoop : public Loop {
 public:
  // As WatchDescriptor. Thread: loop.
  virtual absl::StatusOr<std::unique_ptr<Watch>> NewWatch(int fd, WatchCallback callback) = 0;
};

// `fd` is borrowed until the watch ends, and made non-blocking. Thread: loop.
// Errors: FAILED_PRECONDITION if the loop has no descriptors (manual, simulated) or the descriptor is watched already,
// INVALID_ARGUMENT if it is not open or cannot be waited for (a regular file).
absl::StatusOr<std::unique_ptr<Watch>> WatchDescriptor(Loop& loop, int fd, WatchCallback callback);

}  // namespace rain
