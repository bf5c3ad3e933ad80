// UvWatches: the watched descriptors of one libuv loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "listenrain/transports/readiness.h"

struct uv_loop_s;

namespace rain {

// Made and ended by the loop. Thread: loop.
class UvWatches {
 public:
  // `before_callback` is called before each callback of a watch.
  explicit UvWatches(std::function<void()> before_callback) : before_callback_(std::move(before_callback)) {}
  ~UvWatches();  // after EndAll, and once libuv has closed the handles, if any watch was made

  // As WatchDescriptor.
  absl::StatusOr<std::unique_ptr<Watch>> New(uv_loop_s* uv, int fd, WatchCallback callback);
  // Calls back the watch of a descriptor for which epoll has reported `events`, without libuv. False if libuv has to do it: it is
  // no watch of these, or there is more to it than being readable and writable.
  bool Tell(int fd, uint32_t events);
  // True if libuv was told anything since this was asked last, which reaches epoll in its next turn only.
  bool TakeChanges() { return std::exchange(changed_, false); }
  // All watches fall silent; their handles begin to close.
  void EndAll();

 private:
  class UvWatch;
  struct Poll;

  const std::function<void()> before_callback_;
  absl::flat_hash_map<int, Poll*> polls_;  // by descriptor
  bool changed_ = false;
};

}  // namespace rain
