#include "listenrain/transports/uv_watches.h"

#include <sys/epoll.h>
#include <uv.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/log.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

std::string WhereOf(int fd) { return absl::StrCat("watch of descriptor ", fd); }

}  // namespace

// What libuv keeps of a watch: lives on until libuv has let go of it.
struct UvWatches::Poll {
  uv_poll_t uv;
  UvWatches* owner;  // null once the watch has ended
  UvWatch* watch;    // as long as `owner`
  int fd;
  WatchCallback callback;
  int wanted = 0;  // UV_READABLE, UV_WRITABLE
  int polled = 0;  // what libuv was told
  bool in_callback = false;

  void End();
  void Update();
  void Tell(Readiness ready);
  static void OnReady(uv_poll_t* uv, int status, int events);
};

class UvWatches::UvWatch final : public Watch {
 public:
  explicit UvWatch(Poll* poll) : poll_(poll) { poll->watch = this; }
  ~UvWatch() override {
    if (poll_ != nullptr) poll_->End();
  }
  void Want(bool readable, bool writable) override {
    if (poll_ == nullptr) return;
    poll_->wanted = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (!poll_->in_callback) poll_->Update();  // else after the callback, once
  }

 private:
  friend struct Poll;
  Poll* poll_;  // null once the loop has ended
};

void UvWatches::Poll::Update() {
  if (wanted == polled) return;
  polled = wanted;
  owner->changed_ = true;
  if (wanted == 0) {
    uv_poll_stop(&uv);
    return;
  }
  // Fails only if another handle polls this descriptor, which polls_ rules out.
  [[maybe_unused]] const int error = uv_poll_start(&uv, wanted, &OnReady);
  assert(error == 0);
}

void UvWatches::Poll::End() {
  owner->polls_[static_cast<size_t>(fd)] = nullptr;
  owner->changed_ = owner->ended_ = true;
  owner = nullptr;
  watch->poll_ = nullptr;
  if (!in_callback) callback = nullptr;  // else when it has returned
  uv_close(reinterpret_cast<uv_handle_t*>(&uv), [](uv_handle_t* closed) { delete static_cast<Poll*>(closed->data); });
}

void UvWatches::Poll::OnReady(uv_poll_t* uv, int status, int events) {
  auto& poll = *static_cast<Poll*>(uv->data);
  const bool error = status < 0;
  if (error) events = std::exchange(poll.polled, 0);  // libuv has stopped polling
  poll.Tell({(events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0, error});
}

void UvWatches::Poll::Tell(Readiness ready) {
  owner->before_callback_();
  in_callback = true;
  try {
    callback(ready);
  } catch (const std::exception& thrown) {
    Log(Severity::error, WhereOf(fd), thrown.what());
  } catch (...) {
    Log(Severity::error, WhereOf(fd), "its callback threw what is no std::exception");
  }
  in_callback = false;
  if (owner == nullptr) {
    callback = nullptr;
  } else {
    Update();
  }
}

bool UvWatches::Tell(absl::Span<const epoll_event> events) {
  ended_ = false;
  for (const epoll_event& event : events) {
    Poll* poll = Find(event.data.fd);
    if (ended_ || poll == nullptr || (event.events & ~uint32_t{EPOLLIN | EPOLLOUT}) != 0) return false;
    const int ready = ((event.events & EPOLLIN) != 0 ? UV_READABLE : 0) | ((event.events & EPOLLOUT) != 0 ? UV_WRITABLE : 0);
    if ((ready & ~poll->polled) != 0) return false;
    poll->Tell({(ready & UV_READABLE) != 0, (ready & UV_WRITABLE) != 0, false});
  }
  return true;
}

UvWatches::~UvWatches() {
  assert(std::all_of(polls_.begin(), polls_.end(), [](const Poll* poll) { return poll == nullptr; }));
}

absl::StatusOr<std::unique_ptr<Watch>> UvWatches::New(uv_loop_s* uv, int fd, WatchCallback callback) {
  if (over_) return absl::FailedPreconditionError(absl::StrCat(WhereOf(fd), ": the loop has ended"));
  if (Find(fd) != nullptr) return absl::FailedPreconditionError(absl::StrCat(WhereOf(fd), ": this loop watches it already"));
  auto poll = std::make_unique<Poll>();
  if (const int error = uv_poll_init(uv, &poll->uv, fd)) {
    if (error == UV_EPERM) {
      return absl::InvalidArgumentError(absl::StrCat(WhereOf(fd), ": a regular file is always ready, and cannot be waited for"));
    }
    return SystemError(error, WhereOf(fd), "uv_poll_init");
  }
  poll->uv.data = poll.get();
  poll->owner = this;
  poll->fd = fd;
  poll->callback = std::move(callback);
  if (polls_.size() <= static_cast<size_t>(fd)) polls_.resize(static_cast<size_t>(fd) + 1);
  polls_[static_cast<size_t>(fd)] = poll.get();
  return std::make_unique<UvWatch>(poll.release());
}

void UvWatches::EndAll() {
  over_ = true;
  for (Poll* poll : polls_) {
    if (poll != nullptr) poll->End();
  }
}

}  // namespace rain
