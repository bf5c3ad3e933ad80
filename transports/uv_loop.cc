#include "listenrain/transports/uv_loop.h"

#include <signal.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <exception>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/loop_core.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

class UvLoop;
class UvWatch;

// What libuv keeps of a watch: lives on until libuv has let go of it.
struct PollHandle {
  uv_poll_t uv;
  UvLoop* loop;    // null once the watch or the loop has ended
  UvWatch* watch;  // as long as `loop`
  int fd;
  WatchCallback callback;
  int wanted = 0;  // UV_READABLE, UV_WRITABLE
  int polled = 0;  // what libuv was told
  bool in_callback = false;
};

class UvWatch final : public Watch {
 public:
  explicit UvWatch(PollHandle* handle) : handle_(handle) { handle->watch = this; }
  ~UvWatch() override;
  void Want(bool readable, bool writable) override;

 private:
  friend class UvLoop;
  PollHandle* handle_;  // null once the loop has ended
};

// What both kinds of loop share: everything but who calls uv_run, and the end.
//
// One turn is one iteration of uv_run. The work of a turn is done right after polling (uv_check), so that what the descriptors'
// callbacks queued leaves in the same turn; and right before (uv_prepare), for what came up between two iterations.
class UvLoop : public DescriptorLoop {
 public:
  UvLoop() : core_(SystemClock(), std::random_device()()) {}

  void Run(absl::AnyInvocable<void() &&> task) final {
    if (core_.Post(std::move(task))) Wake();
  }
  int concurrency() const final { return 1; }
  bool InLoop() const final { return core_.baton().HeldHere(); }
  const Clock& clock() const final { return core_.clock(); }
  Instant now() const final { return core_.now(); }
  uint64_t Random() final { return core_.Random(); }
  TimerHeap& timers() final { return core_.timers(); }
  void AtTurnEnd(TurnTask& task) final { core_.turn_ends().Add(task); }

  absl::StatusOr<std::unique_ptr<Watch>> NewWatch(int fd, WatchCallback callback) final;
  static void EndWatch(PollHandle* handle);
  static void Poll(PollHandle* handle);

 protected:
  ~UvLoop() override = default;

  // Opens the loop's own handles. Errors: as SystemError.
  absl::Status OpenHandles(uv_loop_t* uv);
  // Destroys the tasks, silences the watches and begins to close all handles; OnHandlesClosed follows inside uv_run.
  void CloseHandles();
  virtual void OnHandlesClosed() {}
  virtual void OnWake() {}

  void Wake() { uv_async_send(&async_); }

  LoopCore core_;
  Instant turn_deadline_ = Instant::Infinite();  // the turn does not wait beyond it
  uint64_t happened_ = 0;                        // counts whatever gave the loop something to do

 private:
  static void OnPoll(uv_poll_t* uv, int status, int events);
  void BeforePolling();
  void AfterPolling() { happened_ += core_.Work(); }
  void SetTimer(Instant deadline);

  uv_loop_t* uv_ = nullptr;
  uv_async_t async_;
  uv_timer_t timer_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uint64_t timer_due_ = 0;     // in the milliseconds of uv_now; 0 if it is not armed
  bool now_is_fresh_ = false;  // the clock was read since polling
  int open_handles_ = 0;
  absl::flat_hash_map<int, PollHandle*> watched_;
};

absl::Status UvLoop::OpenHandles(uv_loop_t* uv) {
  uv_ = uv;
  if (const int error = uv_async_init(uv_, &async_, [](uv_async_t* handle) {
        auto* loop = static_cast<UvLoop*>(handle->data);
        ++loop->happened_;
        loop->OnWake();
      })) {
    return SystemError(error, "loop", "uv_async_init");
  }
  uv_timer_init(uv_, &timer_);
  uv_prepare_init(uv_, &prepare_);
  uv_check_init(uv_, &check_);
  async_.data = timer_.data = prepare_.data = check_.data = this;
  open_handles_ = 4;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<UvLoop*>(handle->data)->BeforePolling(); });
  uv_check_start(&check_, [](uv_check_t* handle) { static_cast<UvLoop*>(handle->data)->AfterPolling(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&timer_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
  return absl::OkStatus();
}

void UvLoop::CloseHandles() {
  core_.Shut();
  while (!watched_.empty()) EndWatch(watched_.begin()->second);
  const auto close = [](auto* handle) {
    uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* closed) {
      auto* loop = static_cast<UvLoop*>(closed->data);
      if (--loop->open_handles_ == 0) loop->OnHandlesClosed();
    });
  };
  close(&async_);
  close(&timer_);
  close(&prepare_);
  close(&check_);
}

void UvLoop::BeforePolling() {
  if (core_.NextDeadline() <= core_.now()) {
    core_.Work();
    ++happened_;
    // Whoever drives this turn wants to see what it did.
    if (!turn_deadline_.infinite()) turn_deadline_ = core_.now();
  }
  now_is_fresh_ = false;
  SetTimer(std::min(core_.NextDeadline(), turn_deadline_));
}

// The timer does nothing but bound the wait. libuv counts whole milliseconds of the same clock and waits from now on for the
// difference of two of them; so aiming at the deadline's millisecond, rounded down, ends the wait less than one millisecond
// before or after the deadline. When it was before, one more millisecond follows: never early, at most 1 ms late.
void UvLoop::SetTimer(Instant deadline) {
  if (deadline.infinite()) {
    if (std::exchange(timer_due_, 0) != 0) uv_timer_stop(&timer_);
    return;
  }
  uv_update_time(uv_);
  const uint64_t now = uv_now(uv_);
  uint64_t due = static_cast<uint64_t>(std::max<int64_t>(deadline.nanoseconds, 0)) / 1'000'000;
  if (deadline <= core_.now() || due < now) {
    due = now;
  } else if (due == now) {
    ++due;
  }
  if (due == timer_due_) return;
  timer_due_ = due;
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { static_cast<UvLoop*>(handle->data)->timer_due_ = 0; }, due - now, 0);
}

absl::StatusOr<std::unique_ptr<Watch>> UvLoop::NewWatch(int fd, WatchCallback callback) {
  assert(InLoop());
  const auto where = [fd] { return absl::StrCat("descriptor ", fd); };
  if (watched_.contains(fd)) return absl::FailedPreconditionError(absl::StrCat(where(), " is watched already on this loop"));
  auto handle = std::make_unique<PollHandle>();
  if (const int error = uv_poll_init(uv_, &handle->uv, fd)) {
    if (error == UV_EPERM) {
      return absl::InvalidArgumentError(absl::StrCat(where(), ": a regular file is always ready, and cannot be waited for"));
    }
    return SystemError(error, where(), "uv_poll_init");
  }
  handle->uv.data = handle.get();
  handle->loop = this;
  handle->fd = fd;
  handle->callback = std::move(callback);
  watched_.emplace(fd, handle.get());
  return std::make_unique<UvWatch>(handle.release());
}

void UvLoop::OnPoll(uv_poll_t* uv, int status, int events) {
  auto* handle = static_cast<PollHandle*>(uv->data);
  UvLoop* loop = handle->loop;
  ++loop->happened_;
  if (!loop->now_is_fresh_) {
    loop->core_.Refresh();
    loop->now_is_fresh_ = true;
  }
  if (status < 0) {
    events = std::exchange(handle->polled, 0);  // libuv has stopped polling
  }
  handle->in_callback = true;
  try {
    handle->callback({(events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0, status < 0});
  } catch (const std::exception& thrown) {
    Log(Severity::error, absl::StrCat("watch of descriptor ", handle->fd), thrown.what());
  } catch (...) {
    Log(Severity::error, absl::StrCat("watch of descriptor ", handle->fd), "the callback threw what is no std::exception");
  }
  handle->in_callback = false;
  if (handle->loop == nullptr) {
    handle->callback = nullptr;
  } else {
    Poll(handle);
  }
}

void UvLoop::Poll(PollHandle* handle) {
  if (handle->wanted == handle->polled) return;
  handle->polled = handle->wanted;
  if (handle->wanted == 0) {
    uv_poll_stop(&handle->uv);
  } else {
    // Fails only if another handle polls this descriptor, which watched_ rules out.
    [[maybe_unused]] const int error = uv_poll_start(&handle->uv, handle->wanted, &OnPoll);
    assert(error == 0);
  }
}

void UvLoop::EndWatch(PollHandle* handle) {
  handle->loop->watched_.erase(handle->fd);
  handle->loop = nullptr;
  handle->watch->handle_ = nullptr;
  if (!handle->in_callback) handle->callback = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
           [](uv_handle_t* closed) { delete static_cast<PollHandle*>(closed->data); });
}

UvWatch::~UvWatch() {
  if (handle_ != nullptr) UvLoop::EndWatch(handle_);
}

void UvWatch::Want(bool readable, bool writable) {
  if (handle_ == nullptr) return;
  assert(handle_->loop->InLoop());
  handle_->wanted = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  if (!handle_->in_callback) UvLoop::Poll(handle_);  // else after the callback, once
}

// The loop with a thread of its own.
class ThreadedUvLoop final : public UvLoop {
 public:
  explicit ThreadedUvLoop(const UvLoopOptions& options) : options_(options) {}

  // Errors: as SystemError.
  absl::Status Start();
  bool RunTurn(Instant deadline) override;
  // Ends the loop and deletes it, at once or, inside a turn, after that turn.
  void End();

 private:
  void ThreadMain();
  void Turn(Instant deadline);

  const UvLoopOptions options_;
  uv_loop_t uv_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  bool deletes_itself_ = false;  // written before stopping_, read after
  int polling_credit_ = 0;       // grows when looking for input pays, or would have
};

absl::Status ThreadedUvLoop::Start() {
  if (const int error = uv_loop_init(&uv_)) return SystemError(error, "loop", "uv_loop_init");
  absl::Status opened = OpenHandles(&uv_);
  if (!opened.ok()) {
    uv_loop_close(&uv_);
    return opened;
  }
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  try {
    thread_ = std::thread([this] { ThreadMain(); });
  } catch (const std::system_error& thrown) {
    error = thrown.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) return absl::OkStatus();
  CloseHandles();
  uv_run(&uv_, UV_RUN_DEFAULT);
  uv_loop_close(&uv_);
  return absl::ResourceExhaustedError("loop: the system refuses another thread (raise the limit of threads, ulimit -u)");
}

void ThreadedUvLoop::ThreadMain() {
  for (;;) {
    core_.baton().Acquire(Instant::Infinite(), [] {});
    if (stopping_.load(std::memory_order_acquire)) break;
    Turn(Instant::Infinite());
    core_.baton().Release();
  }
  CloseHandles();
  uv_run(&uv_, UV_RUN_DEFAULT);  // until the handles are closed
  [[maybe_unused]] const int error = uv_loop_close(&uv_);
  assert(error == 0);
  core_.baton().Release();
  if (deletes_itself_) delete this;
}

bool ThreadedUvLoop::RunTurn(Instant deadline) {
  if (InLoop() || !core_.baton().Acquire(deadline, [this] { Wake(); })) return false;
  Turn(deadline);
  core_.baton().Release();
  return true;
}

void ThreadedUvLoop::Turn(Instant deadline) {
  static constexpr int kMaxCredit = 16;
  turn_deadline_ = deadline;
  if (options_.poll <= absl::ZeroDuration()) {
    uv_run(&uv_, UV_RUN_ONCE);
    return;
  }
  const uint64_t happened_before = happened_;
  const Instant began = clock().Now();
  const Instant end = std::min(began + options_.poll, deadline);
  if (polling_credit_ > 0) {
    do {
      uv_run(&uv_, UV_RUN_NOWAIT);
      if (happened_ != happened_before) {
        polling_credit_ = std::min(polling_credit_ + 1, kMaxCredit);
        return;
      }
    } while (clock().Now() < end);
    --polling_credit_;
  }
  uv_run(&uv_, UV_RUN_ONCE);
  if (polling_credit_ < kMaxCredit && now() < end) ++polling_credit_;
}

void ThreadedUvLoop::End() {
  if (InLoop()) {
    thread_.detach();
    deletes_itself_ = true;
    stopping_.store(true, std::memory_order_release);  // seen when this turn has given the baton back
    return;
  }
  // With the baton in hand: the thread cannot go away between our waking it and its seeing why.
  core_.baton().Acquire(Instant::Infinite(), [this] { Wake(); });
  stopping_.store(true, std::memory_order_release);
  core_.baton().Release();
  thread_.join();
  delete this;
}

// A loop of the caller's. The thread that made it holds the baton for good.
class AttachedUvLoop final : public UvLoop {
 public:
  absl::Status Start(uv_loop_t* uv) {
    absl::Status opened = OpenHandles(uv);
    if (opened.ok()) core_.baton().Acquire(Instant::Infinite(), [] {});
    return opened;
  }
  bool RunTurn(Instant) override { return false; }

  // Begins the end, which the last handle to close completes.
  void End() {
    if (InLoop()) return CloseHandles();
    // Under the lock: the loop's thread must not end it between these two.
    MutexLock lock(mutex_);
    ending_ = true;
    Wake();
  }

 private:
  void OnWake() override {
    {
      MutexLock lock(mutex_);
      if (!ending_) return;
    }
    CloseHandles();
  }
  void OnHandlesClosed() override { delete this; }

  Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::shared_ptr<Loop> NewUvLoop(const UvLoopOptions& options) {
  auto* loop = new ThreadedUvLoop(options);
  const absl::Status started = loop->Start();
  if (!started.ok()) {
    delete loop;
    Log(Severity::error, "loop", started.message());
    return nullptr;
  }
  return std::shared_ptr<Loop>(loop, [](Loop* ended) { static_cast<ThreadedUvLoop*>(ended)->End(); });
}

absl::StatusOr<std::shared_ptr<Loop>> AttachUvLoop(uv_loop_s* uv) {
  if (uv == nullptr) return absl::InvalidArgumentError("AttachUvLoop: the loop is null");
  auto* loop = new AttachedUvLoop;
  absl::Status started = loop->Start(uv);
  if (!started.ok()) {
    delete loop;
    return started;
  }
  return std::shared_ptr<Loop>(loop, [](Loop* ended) { static_cast<AttachedUvLoop*>(ended)->End(); });
}

}  // namespace rain
