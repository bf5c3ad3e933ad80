#include "listenrain/transports/uv_watches.h"

#include <uv.h>

#include <cassert>
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
  if (wanted == 0) {
    uv_poll_stop(&uv);
    return;
  }
  // Fails only if another handle polls this descriptor, which polls_ rules out.
  [[maybe_unused]] const int error = uv_poll_start(&uv, wanted, &OnReady);
  assert(error == 0);
}

void UvWatches::Poll::End() {
  owner->polls_.erase(fd);
  owner = nullptr;
  watch->poll_ = nullptr;
  if (!in_callback) callback = nullptr;  // else when it has returned
  uv_close(reinterpret_cast<uv_handle_t*>(&uv), [](uv_handle_t* closed) { delete static_cast<Poll*>(closed->data); });
}

void UvWatches::Poll::OnReady(uv_poll_t* uv, int status, int events) {
  auto& poll = *static_cast<Poll*>(uv->data);
  poll.owner->before_callback_();
  const bool error = status < 0;
  if (error) events = std::exchange(poll.polled, 0);  // libuv has stopped polling
  poll.in_callback = true;
  try {
    poll.callback({(events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0, error});
  } catch (const std::exception& thrown) {
    Log(Severity::error, WhereOf(poll.fd), thrown.what());
  } catch (...) {
    Log(Severity::error, WhereOf(poll.fd), "its callback threw what is no std::exception");
  }
  poll.in_callback = false;
  if (poll.owner == nullptr) {
    poll.callback = nullptr;
  } else {
    poll.Update();
  }
}

UvWatches::~UvWatches() { assert(polls_.empty()); }

absl::StatusOr<std::unique_ptr<Watch>> UvWatches::New(uv_loop_s* uv, int fd, WatchCallback callback) {
  if (polls_.contains(fd)) return absl::FailedPreconditionError(absl::StrCat(WhereOf(fd), ": this loop watches it already"));
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
  polls_.emplace(fd, poll.get());
  return std::make_unique<UvWatch>(poll.release());
}

void UvWatches::EndAll() {
  while (!polls_.empty()) polls_.begin()->second->End();
}

}  // namespace rain
