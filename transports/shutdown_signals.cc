#include "listenrain/transports/shutdown_signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/transports/quiet_thread.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

// Actions are the process's, and so is what the handler may touch. The descriptor is opened once and stays: a handler may still
// run on some thread when it is no handler any more.
std::atomic<bool> in_use{false};
std::atomic<int> wake_fd{-1};
std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler touches no lock");

void Wake() {
  const uint64_t one = 1;
  while (write(wake_fd.load(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

// Only what a handler may call.
void OnSignal(int signal) {
  const int before = errno;
  int none = 0;
  if (first_signal.compare_exchange_strong(none, signal)) {
    Wake();
  } else {
    std::signal(signal, SIG_DFL);
    raise(signal);  // as soon as this handler is over
  }
  errno = before;
}

absl::Status OpenWakeFd() {
  if (wake_fd.load() >= 0) return absl::OkStatus();
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return SystemError(errno, "shutdown signals", "eventfd");
  wake_fd.store(fd);
  return absl::OkStatus();
}

// Shared with the thread, whose call may destroy the other holder.
class Shutdown {
 public:
  Shutdown(absl::AnyInvocable<void(int) &&> told, std::vector<int> signals)
      : told_(std::move(told)), signals_(std::move(signals)) {}

  void ThreadMain() {
    sigset_t taken;
    sigemptyset(&taken);
    for (const int signal : signals_) sigaddset(&taken, signal);
    pthread_sigmask(SIG_UNBLOCK, &taken, nullptr);
    // What woke us is looked at here. A poll, unlike a read, ends for a signal whose handler runs on this very thread.
    while (first_signal.load() == 0 && !ending_.load()) {
      pollfd waiting = {wake_fd.load(), POLLIN, 0};
      poll(&waiting, 1, -1);
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = read(wake_fd.load(), &count, sizeof(count));
    }
    if (const int signal = first_signal.load(); signal != 0 && !ending_.load()) {
      GuardedAndLogged("the call on shutdown", [&] { std::move(told_)(signal); });
    }
    told_ = nullptr;
    MutexLock lock(mutex_);
    over_ = true;
    changed_.SignalAll();
  }
  void End() {
    ending_.store(true);
    Wake();
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (!over_) changed_.Wait(mutex_);
  }

 private:
  absl::AnyInvocable<void(int) &&> told_;
  const std::vector<int> signals_;
  std::atomic<bool> ending_{false};
  Mutex mutex_;
  CondVar changed_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

class CaughtSignals final : public ShutdownSignals {
 public:
  CaughtSignals(absl::AnyInvocable<void(int) &&> told, const std::vector<int>& signals)
      : shutdown_(std::make_shared<Shutdown>(std::move(told), signals)) {}
  ~CaughtSignals() override {
    for (const auto& [signal, action] : before_) {
      struct sigaction present = {};
      if (sigaction(signal, nullptr, &present) == 0 && present.sa_handler == OnSignal) sigaction(signal, &action, nullptr);
    }
    shutdown_->End();
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();
    } else if (thread_.joinable()) {
      thread_.join();
    }
    in_use.store(false);
  }

  // Errors: as CatchShutdownSignals; then it may be destroyed like any.
  absl::Status Start(const std::vector<int>& signals) {
    first_signal.store(0);
    if (absl::Status opened = OpenWakeFd(); !opened.ok()) return opened;
    auto thread = StartQuietThread([shutdown = shutdown_] { shutdown->ThreadMain(); });
    if (!thread.ok()) return thread.status();
    thread_ = *std::move(thread);
    for (const int signal : signals) {
      if (absl::Status caught = Catch(signal); !caught.ok()) return caught;
    }
    return absl::OkStatus();
  }
  void Wait() override { shutdown_->Wait(); }

 private:
  absl::Status Catch(int signal) {
    struct sigaction present = {};
    struct sigaction ours = {};
    ours.sa_handler = OnSignal;
    ours.sa_flags = SA_RESTART;
    sigemptyset(&ours.sa_mask);
    if (sigaction(signal, nullptr, &present) != 0) return SystemError(errno, "shutdown signals", absl::StrCat("signal ", signal));
    if (present.sa_handler == SIG_IGN) return absl::OkStatus();
    if (sigaction(signal, &ours, nullptr) != 0) return SystemError(errno, "shutdown signals", absl::StrCat("signal ", signal));
    before_.emplace_back(signal, present);
    return absl::OkStatus();
  }

  const std::shared_ptr<Shutdown> shutdown_;
  std::vector<std::pair<int, struct sigaction>> before_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ShutdownSignals>> CatchShutdownSignals(absl::AnyInvocable<void(int signal) &&> told,
                                                                      const std::vector<int>& signals) {
  if (in_use.exchange(true)) return absl::FailedPreconditionError("shutdown signals are being caught already in this process");
  auto caught = std::make_unique<CaughtSignals>(std::move(told), signals);
  if (absl::Status started = caught->Start(signals); !started.ok()) return started;
  return caught;
}

}  // namespace rain
