#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "listenrain/framework/mutex.h"
#include "listenrain/transports/basic_uv_loop.h"
#include "listenrain/transports/system_error.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

// A loop of the caller's, which watches the set of descriptors as one of its own. The thread that made it holds the baton until
// the loop's end. One turn is one iteration of uv_run: its work is done right after polling (uv_check); and right before
// (uv_prepare), for what came up between two iterations.
class AttachedUvLoop final : public BasicUvLoop {
 public:
  // Errors: as SystemError.
  static absl::StatusOr<AttachedUvLoop*> New(uv_loop_t* uv);
  bool RunTurn(Instant) override { return false; }
  // Begins the end, which the last handle to close completes.
  void End();

 private:
  // With async_ open. Where it fails, it closes that.
  absl::StatusOr<AttachedUvLoop*> Start(uv_loop_t* uv);
  static AttachedUvLoop& Of(const auto* handle) { return *static_cast<AttachedUvLoop*>(handle->data); }
  void Wake() override { uv_async_send(&async_); }
  void OnWake();
  void OnReady();
  void BeforePolling();
  void SetTimer(Instant deadline);
  // After the last of them, inside uv_run, it deletes itself.
  void Close(auto&... handles);
  void CloseAll() { Close(async_, timer_, prepare_, check_, poll_); }

  uv_async_t async_;
  uv_timer_t timer_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_poll_t poll_;
  uint64_t timer_due_ = 0;  // in the milliseconds of uv_now; 0 if it is not armed
  size_t open_handles_ = 0;
  Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::StatusOr<AttachedUvLoop*> AttachedUvLoop::New(uv_loop_t* uv) {
  auto loop = std::make_unique<AttachedUvLoop>();
  if (absl::Status opened = loop->descriptors_.Open(); !opened.ok()) return opened;
  if (const int error = uv_async_init(uv, &loop->async_, [](uv_async_t* handle) { Of(handle).OnWake(); })) {
    return SystemError(error, "loop", "uv_async_init");
  }
  return loop.release()->Start(uv);
}

absl::StatusOr<AttachedUvLoop*> AttachedUvLoop::Start(uv_loop_t* uv) {
  uv_timer_init(uv, &timer_);
  uv_prepare_init(uv, &prepare_);
  uv_check_init(uv, &check_);
  async_.data = timer_.data = prepare_.data = check_.data = poll_.data = this;
  if (const int error = uv_poll_init(uv, &poll_, descriptors_.fd())) {
    Close(async_, timer_, prepare_, check_);
    return SystemError(error, "loop", "uv_poll_init");
  }
  core_.baton().Acquire(Instant::Infinite(), [] {});
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { Of(handle).BeforePolling(); });
  uv_check_start(&check_, [](uv_check_t* handle) { Of(handle).core_.Work(); });
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) { Of(handle).OnReady(); });
  const auto unref = [](auto&... handles) { (uv_unref(reinterpret_cast<uv_handle_t*>(&handles)), ...); };
  unref(timer_, prepare_, check_, poll_);  // async_ keeps uv_run going
  return this;
}

void AttachedUvLoop::OnReady() {
  core_.Refresh();
  descriptors_.Ask(0);
  descriptors_.Tell();
}

void AttachedUvLoop::BeforePolling() {
  const bool due = core_.NextDeadline() <= core_.now();
  if (due) core_.Work();
  SetTimer(due ? core_.now() : core_.NextDeadline());  // whoever runs this iteration wants to see what it did
}

// The timer does nothing but bound the wait. libuv counts whole milliseconds of the same clock and waits from now on for the
// difference of two of them; so aiming at the deadline's millisecond, rounded down, ends the wait less than one millisecond
// before or after the deadline. When it was before, one more millisecond follows: never early, at most 1 ms late.
void AttachedUvLoop::SetTimer(Instant deadline) {
  if (deadline.infinite()) {
    if (std::exchange(timer_due_, 0) != 0) uv_timer_stop(&timer_);
    return;
  }
  uv_update_time(timer_.loop);
  const uint64_t now = uv_now(timer_.loop);
  uint64_t due = static_cast<uint64_t>(std::max<int64_t>(deadline.nanoseconds, 0)) / 1'000'000;
  if (deadline <= core_.now() || due < now) {
    due = now;
  } else if (due == now) {
    ++due;
  }
  if (due == timer_due_) return;
  timer_due_ = due;
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { Of(handle).timer_due_ = 0; }, due - now, 0);
}

void AttachedUvLoop::End() {
  if (InLoop()) return CloseAll();
  // Under the lock: the loop's thread must not end it between these two.
  MutexLock lock(mutex_);
  ending_ = true;
  Wake();
}

void AttachedUvLoop::OnWake() {
  {
    MutexLock lock(mutex_);
    if (!ending_) return;
  }
  CloseAll();
}

void AttachedUvLoop::Close(auto&... handles) {
  Shut();
  open_handles_ = sizeof...(handles);
  const uv_close_cb closed = [](uv_handle_t* handle) {
    AttachedUvLoop& loop = Of(handle);
    if (--loop.open_handles_ > 0) return;
    if (loop.InLoop()) loop.core_.baton().Release();
    delete &loop;
  };
  (uv_close(reinterpret_cast<uv_handle_t*>(&handles), closed), ...);
}

}  // namespace

absl::StatusOr<std::shared_ptr<Loop>> AttachUvLoop(uv_loop_s* uv) {
  if (uv == nullptr) return absl::InvalidArgumentError("AttachUvLoop: the loop is null");
  auto loop = AttachedUvLoop::New(uv);
  if (!loop.ok()) return loop.status();
  return std::shared_ptr<Loop>(*loop, [](Loop* ended) { static_cast<AttachedUvLoop*>(ended)->End(); });
}

}  // namespace rain
