// UvWatches: the watched descriptors of one libuv loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "listenrain/transports/readiness.h"

struct epoll_event;
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
  // Calls back the watches of descriptors for which epoll has reported these events, without libuv. False if libuv has to deal
  // with what is left: a descriptor is none of these, or there is more to it than being readable and writable, or a callback has
  // ended a watch, whose descriptor's number may have been given anew.
  bool Tell(absl::Span<const epoll_event> events);
  // True if libuv was told anything since this was asked last, which reaches epoll in its next turn only.
  bool TakeChanges() { return std::exchange(changed_, false); }
  // All watches fall silent; their handles begin to close. From now on there are no new ones.
  void EndAll();

 private:
  class UvWatch;
  struct Poll;

  // Null if the descriptor is not watched.
  Poll* Find(int fd) const { return static_cast<size_t>(fd) < polls_.size() ? polls_[static_cast<size_t>(fd)] : nullptr; }

  const std::function<void()> before_callback_;
  std::vector<Poll*> polls_;  // by descriptor
  bool changed_ = false;
  bool over_ = false;
  bool ended_ = false;  // a watch, since this was set to false
};

}  // namespace rain
