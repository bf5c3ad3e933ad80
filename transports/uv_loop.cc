#include "listenrain/transports/uv_loop.h"

#include <sched.h>
#include <sys/epoll.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <random>
#include <thread>
#include <utility>

#include "absl/types/span.h"
#include "listenrain/framework/helm.h"
#include "listenrain/framework/loop_core.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/status.h"
#include "listenrain/transports/polling_policy.h"
#include "listenrain/transports/quiet_thread.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/system_error.h"
#include "listenrain/transports/uv_watches.h"

namespace rain {
namespace {

// What both kinds of loop share: everything but who calls uv_run, and the end.
//
// One turn is one iteration of uv_run. The work of a turn is done right after polling (uv_check), so that what the descriptors'
// callbacks queued leaves in the same turn; and right before (uv_prepare), for what came up between two iterations.
class UvLoop : public DescriptorLoop {
 public:
  UvLoop() : core_(SystemClock(), std::random_device()()), watches_([this] { BeforeWatchCallback(); }) {}

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

  absl::StatusOr<std::unique_ptr<Watch>> NewWatch(int fd, WatchCallback callback) final {
    assert(InLoop());
    return watches_.New(uv_, fd, std::move(callback));
  }

 protected:
  ~UvLoop() override = default;

  // Opens the loop's own handles. Errors: as SystemError.
  absl::Status OpenHandles(uv_loop_t* uv);
  // Destroys the tasks, silences the watches and begins to close all handles; OnHandlesClosed follows inside uv_run.
  void CloseHandles();
  virtual void OnHandlesClosed() {}
  virtual void OnWake() {}

  virtual void Wake() { uv_async_send(&async_); }
  // Does what there is to do now: what is due, then the callbacks of ready descriptors and what follows from them. That is a turn
  // without libuv, if libuv has nothing to add. Waits for nothing.
  void Look();

  LoopCore core_;
  Instant turn_deadline_ = Instant::Infinite();  // the turn does not wait beyond it
  uint64_t happened_ = 0;                        // counts whatever gave the loop something to do

 private:
  void BeforePolling();
  void BeforeWatchCallback();
  void AfterPolling() { happened_ += core_.Work(); }
  void RunReady() { uv_run(uv_, UV_RUN_NOWAIT); }
  void SetTimer(Instant deadline);

  uv_loop_t* uv_ = nullptr;
  uv_async_t async_;
  uv_timer_t timer_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uint64_t timer_due_ = 0;     // in the milliseconds of uv_now; 0 if it is not armed
  bool now_is_fresh_ = false;  // the clock was read with this polling
  int open_handles_ = 0;
  UvWatches watches_;
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
  const auto unref = [](auto&... handles) { (uv_unref(reinterpret_cast<uv_handle_t*>(&handles)), ...); };
  unref(timer_, prepare_, check_);  // async_ keeps uv_run going
  return absl::OkStatus();
}

void UvLoop::CloseHandles() {
  core_.Shut();
  watches_.EndAll();
  const uv_close_cb closed = [](uv_handle_t* handle) {
    auto* loop = static_cast<UvLoop*>(handle->data);
    if (--loop->open_handles_ == 0) loop->OnHandlesClosed();
  };
  const auto close = [closed](auto&... handles) { (uv_close(reinterpret_cast<uv_handle_t*>(&handles), closed), ...); };
  close(async_, timer_, prepare_, check_);
}

void UvLoop::BeforePolling() {
  Instant wait_until = turn_deadline_;
  if (core_.NextDeadline() <= core_.now()) {
    core_.Work();
    ++happened_;
    wait_until = core_.now();  // whoever runs this turn wants to see what it did
  }
  now_is_fresh_ = false;
  SetTimer(std::min(core_.NextDeadline(), wait_until));
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

void UvLoop::BeforeWatchCallback() {
  ++happened_;
  if (std::exchange(now_is_fresh_, true)) return;
  core_.Refresh();
}

// libuv reads the clock twice and visits all kinds of handles for what is one call of epoll. So that call is made here, and the
// usual things that it finds are dealt with. epoll tells whatever is left again (it is level-triggered), so libuv can be asked at
// any time. Work that leads to more work, as between two ends of a channel in process, is done on the spot a few times over.
void UvLoop::Look() {
  constexpr int kRounds = 4;
  core_.Refresh();
  for (int round = 0; round < kRounds && core_.NextDeadline() <= core_.now(); ++round) {
    ++happened_;
    core_.WorkAsOfNow();
    core_.Refresh();
  }
  if (watches_.TakeChanges()) return RunReady();  // which epoll does not know yet
  std::array<epoll_event, 256> ready;
  const int count = epoll_wait(uv_backend_fd(uv_), ready.data(), static_cast<int>(ready.size()), 0);
  if (count <= 0) return;
  now_is_fresh_ = true;
  if (!watches_.Tell(absl::MakeConstSpan(ready.data(), static_cast<size_t>(count)))) {
    watches_.TakeChanges();
    return RunReady();
  }
  happened_ += count == 1 ? core_.WorkAsOfNow() : core_.Work();  // many took their time
}

// The loop with a thread of its own.
class ThreadedUvLoop final : public UvLoop {
 public:
  explicit ThreadedUvLoop(const UvLoopOptions& options) : options_(options) {}

  // Errors: as SystemError.
  absl::Status Start();
  bool RunTurn(Instant deadline) override;
  bool wakeful() const override { return polling_.ShouldPoll(); }
  Helm* helm() override { return &helm_; }
  void Drive(absl::FunctionRef<bool()> wanted) noexcept override;
  // Ends the loop and deletes it, at once or, inside a turn, after that turn.
  void End();

 private:
  void ThreadMain();
  void Wake() override {
    UvLoop::Wake();
    helm_.Summon();
  }
  void Close();
  void Turn(Instant deadline);
  bool Poll(Instant deadline);

  const UvLoopOptions options_;
  uv_loop_t uv_;
  Helm helm_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  bool deletes_itself_ = false;  // written before stopping_, read after
  PollingPolicy polling_;
};

absl::Status ThreadedUvLoop::Start() {
  if (const int error = uv_loop_init(&uv_)) return SystemError(error, "loop", "uv_loop_init");
  absl::Status opened = OpenHandles(&uv_);
  if (!opened.ok()) {
    uv_loop_close(&uv_);
    return opened;
  }
  auto thread = StartQuietThread([this] { ThreadMain(); });
  if (!thread.ok()) {
    Close();
    return At("loop", thread.status());
  }
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void ThreadedUvLoop::Close() {
  CloseHandles();
  uv_run(&uv_, UV_RUN_DEFAULT);  // until they are closed
  [[maybe_unused]] const int error = uv_loop_close(&uv_);
  assert(error == 0);
}

void ThreadedUvLoop::ThreadMain() {
  for (;;) {
    helm_.AwaitOwn();
    core_.baton().Acquire(Instant::Infinite(), [] {});
    if (stopping_.load(std::memory_order_acquire)) break;
    Turn(Instant::Infinite());
    core_.baton().Release();
  }
  Close();
  core_.baton().Release();
  if (deletes_itself_) delete this;
}

bool ThreadedUvLoop::RunTurn(Instant deadline) {
  if (InLoop() || !core_.baton().Acquire(deadline, [this] { Wake(); })) return false;
  Turn(deadline);
  core_.baton().Release();
  return true;
}

void ThreadedUvLoop::Drive(absl::FunctionRef<bool()> wanted) noexcept {
  const auto take = [this] {
    core_.baton().Acquire(Instant::Infinite(), [this] { Wake(); });
    core_.Refresh();
  };
  take();
  if (!wanted() && helm_.lends()) Look();  // who can but fail, again and again, keeps nobody from what the loop brings
  while (wanted()) {
    Turn(Instant::Infinite());
    if (!core_.baton().wanted()) continue;
    core_.baton().Release();
    take();
  }
  core_.set_asleep(true);  // perhaps nobody looks now
  core_.baton().Release();
}

void ThreadedUvLoop::Turn(Instant deadline) {
  turn_deadline_ = deadline;
  if (polling_.ShouldPoll() && Poll(deadline)) return polling_.OnPollingPaid();
  const Instant fell_asleep = core_.now();
  core_.set_asleep(true);
  uv_run(&uv_, UV_RUN_ONCE);
  core_.set_asleep(false);
  // Waking takes as long as some looks; and where both ends of a channel sleep, each waits for the other to wake as well.
  constexpr int kShortSleeps = 4;
  if (now() < fell_asleep + options_.poll * kShortSleeps) polling_.OnShortSleep();
}

// Looks for something to do, for the time that is set. Where there are more threads than cores, what is looked for may be waiting
// for this core: so it is offered again and again, and where it was taken for long, looking is left for now.
bool ThreadedUvLoop::Poll(Instant deadline) {
  constexpr int kLooksBetweenYields = 4;
  const uint64_t happened_before = happened_;
  Instant until;
  for (int looks = 1;; ++looks) {
    Look();
    if (happened_ != happened_before) return true;
    if (looks == 1) until = std::min(core_.now() + options_.poll, deadline);
    if (core_.now() >= until) break;
    if (looks % kLooksBetweenYields != 0) continue;
    const Instant offered = core_.now();
    sched_yield();
    core_.Refresh();
    if (core_.now() < offered + options_.poll) continue;
    polling_.OnCrowded();
    return false;
  }
  polling_.OnPollingInVain();
  return false;
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
  helm_.Summon();
  thread_.join();
  delete this;
}

// A loop of the caller's. The thread that made it holds the baton until the loop's end.
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
  void OnHandlesClosed() override {
    core_.baton().Release();
    delete this;
  }

  Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Loop>> NewUvLoop(const UvLoopOptions& options) {
  auto* loop = new ThreadedUvLoop(options);
  absl::Status started = loop->Start();
  if (!started.ok()) {
    delete loop;
    return started;
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
