#include <sched.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "listenrain/framework/helm.h"
#include "listenrain/framework/status.h"
#include "listenrain/transports/basic_uv_loop.h"
#include "listenrain/transports/polling_policy.h"
#include "listenrain/transports/quiet_thread.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/system_error.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

// How long to wait from `now` on, in whole milliseconds, rounded up; -1 without end.
int MillisecondsUntil(Instant until, Instant now) {
  if (until.infinite()) return -1;
  const int64_t milliseconds = (std::max(until, now).nanoseconds - now.nanoseconds + 999'999) / 1'000'000;
  return static_cast<int>(std::min<int64_t>(milliseconds, std::numeric_limits<int>::max()));
}

// For times so short that they need no saturation, nor a conversion each turn.
Instant After(Instant from, int64_t nanoseconds) { return {from.nanoseconds + nanoseconds}; }

// The loop with a thread of its own. It sleeps in its set of descriptors, of which libuv's own is one, as uv_backend_fd is made
// for: so what comes for a descriptor passes libuv by.
class ThreadedUvLoop final : public BasicUvLoop {
 public:
  explicit ThreadedUvLoop(const UvLoopOptions& options)
      : poll_(absl::ToInt64Nanoseconds(std::clamp(options.poll, absl::ZeroDuration(), absl::Hours(1)))) {}

  // Errors: as SystemError.
  absl::Status Start();
  bool RunTurn(Instant deadline) override;
  bool wakeful() const override { return polling_.ShouldPoll(); }
  Helm* helm() override { return &helm_; }
  void Drive(absl::FunctionRef<bool()> wanted) noexcept override;
  // Ends the loop and deletes it, at once or, inside a turn, after that turn.
  void End();

 private:
  absl::Status Begin();
  void ThreadMain();
  void Wake() override {
    uv_async_send(&async_);
    helm_.Summon();
  }
  void Close();
  void Turn(Instant deadline);
  bool Poll(Instant deadline);
  bool Look();
  bool TellAndWork();
  void Sleep(Instant deadline);

  const int64_t poll_;  // nanoseconds, both
  // Waking takes as long as some looks; and where both ends of a channel sleep, each waits for the other to wake as well.
  const int64_t short_sleep_ = 4 * poll_;
  uv_loop_t uv_;
  uv_async_t async_;
  std::unique_ptr<Watch> uv_watch_;
  Helm helm_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  bool deletes_itself_ = false;  // written before stopping_, read after
  PollingPolicy polling_;
};

absl::Status ThreadedUvLoop::Start() {
  if (const int error = uv_loop_init(&uv_)) return SystemError(error, "loop", "uv_loop_init");
  absl::Status begun = Begin();
  if (!begun.ok()) Close();
  return begun;
}

absl::Status ThreadedUvLoop::Begin() {
  if (absl::Status opened = descriptors_.Open(); !opened.ok()) return opened;
  if (const int error = uv_async_init(&uv_, &async_, [](uv_async_t*) {})) return SystemError(error, "loop", "uv_async_init");
  auto watch = descriptors_.New(uv_backend_fd(&uv_), [this](Readiness) { uv_run(&uv_, UV_RUN_NOWAIT); });
  if (!watch.ok()) return At("loop", watch.status());
  uv_watch_ = *std::move(watch);
  uv_watch_->Want(true, false);
  uv_run(&uv_, UV_RUN_NOWAIT);  // when libuv begins to look at async_
  auto thread = StartQuietThread([this] { ThreadMain(); });
  if (!thread.ok()) return At("loop", thread.status());
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void ThreadedUvLoop::Close() {
  Shut();
  uv_walk(
      &uv_, [](uv_handle_t* handle, void*) { uv_close(handle, nullptr); }, nullptr);
  uv_run(&uv_, UV_RUN_DEFAULT);  // until all are closed
  [[maybe_unused]] const int error = uv_loop_close(&uv_);
  assert(error == 0);
}

void ThreadedUvLoop::ThreadMain() {
  for (;;) {
    helm_.AwaitOwn();
    core_.baton().Acquire(Instant::Infinite(), [] {});
    if (stopping_.load(std::memory_order_acquire)) break;
    do {
      Turn(Instant::Infinite());
    } while (!core_.baton().wanted() && !stopping_.load(std::memory_order_relaxed));
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
  if (polling_.ShouldPoll() && Poll(deadline)) return polling_.OnPollingPaid();
  core_.Refresh();
  const Instant fell_asleep = core_.now();
  Sleep(deadline);
  if (now() < After(fell_asleep, short_sleep_)) polling_.OnShortSleep();
}

void ThreadedUvLoop::Sleep(Instant deadline) {
  core_.set_asleep(true);
  const Instant until = std::min(core_.NextDeadline(), deadline);
  const bool sleeps = until > now();
  if (sleeps) descriptors_.Ask(MillisecondsUntil(until, now()));
  core_.set_asleep(false);
  if (!sleeps) {
    Look();
    return;
  }
  core_.Refresh();
  TellAndWork();
}

// Does what there is to do now: what is due, then the callbacks of ready descriptors and what follows from them. Work that leads
// to more work, as between two ends of a channel in process, is done on the spot for a while. Waits for nothing. False if there
// was nothing to do.
bool ThreadedUvLoop::Look() {
  constexpr int64_t kNanosecondsBeforeTheSystemIsAsked = 10'000;
  bool happened = false;
  core_.Refresh();
  const Instant until = After(core_.now(), kNanosecondsBeforeTheSystemIsAsked);
  while (core_.NextDeadline() <= core_.now() && core_.now() < until) {
    happened = true;
    core_.WorkAsOfNow();
    core_.Refresh();
    if (core_.baton().wanted()) break;
  }
  if (descriptors_.Ask(0)) happened |= TellAndWork();
  return happened;
}

// What the last Ask found, and what follows from it. False if that was nothing.
bool ThreadedUvLoop::TellAndWork() {
  const size_t told = descriptors_.Tell();
  if (told > 0) core_.Refresh();  // they took their time
  return told + core_.WorkAsOfNow() > 0;
}

// Looks for something to do, for the time that is set. Where there are more threads than cores, what is looked for may be waiting
// for this core: so it is offered again and again, and where it was taken for long, looking is left for now.
bool ThreadedUvLoop::Poll(Instant deadline) {
  constexpr int64_t kNanosecondsOfAnOfferInVain = 3'000;
  Instant until;
  for (int looks = 1;; ++looks) {
    if (Look()) return true;
    if (looks == 1) until = std::min(After(core_.now(), poll_), deadline);
    if (core_.now() >= until) break;
    if (!polling_.ShouldOfferCore(looks)) continue;
    const Instant offered = core_.now();
    sched_yield();
    core_.Refresh();
    polling_.OnCoreOffered(core_.now() >= After(offered, kNanosecondsOfAnOfferInVain));
    if (core_.now() < After(offered, poll_)) continue;
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

}  // namespace rain
