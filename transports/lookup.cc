#include "listenrain/transports/lookup.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/transports/quiet_thread.h"

namespace rain {
namespace {

// Look-ups that a dead name server holds up: each is a thread.
constexpr int kMaxThreads = 64;
std::atomic<int> threads_running{0};

}  // namespace

struct Lookup::Shared {
  absl::AnyInvocable<void(Addresses) &&> done;  // Thread: loop. Null once cancelled
  std::function<Addresses()> blocking;          // Thread: the look-up's
  Mutex mutex;
  Loop* home ABSL_GUARDED_BY(mutex) = nullptr;  // null once cancelled
  Addresses addresses ABSL_GUARDED_BY(mutex);

  // Thread: any.
  static void Finish(const std::shared_ptr<Shared>& shared, Addresses addresses) {
    MutexLock lock(shared->mutex);
    if (shared->home == nullptr) return;
    shared->addresses = std::move(addresses);
    shared->home->Run([shared] { Deliver(*shared); });
  }
  static void Deliver(Shared& shared) {
    auto done = std::exchange(shared.done, nullptr);
    if (done == nullptr) return;
    Addresses addresses;
    {
      MutexLock lock(shared.mutex);
      addresses = std::move(shared.addresses);
    }
    std::move(done)(std::move(addresses));
  }
};

Lookup::Lookup(Loop& home, std::function<Addresses()> blocking, absl::AnyInvocable<void(Addresses) &&> done)
    : shared_(std::make_shared<Shared>()) {
  shared_->done = std::move(done);
  shared_->blocking = std::move(blocking);
  {
    MutexLock lock(shared_->mutex);
    shared_->home = &home;
  }
  if (threads_running.fetch_add(1, std::memory_order_relaxed) >= kMaxThreads) {
    threads_running.fetch_sub(1, std::memory_order_relaxed);
    Shared::Finish(shared_, absl::ResourceExhaustedError(
                                absl::StrCat(kMaxThreads, " names are being resolved already (is the name server alive?)")));
    return;
  }
  auto thread = StartQuietThread([shared = shared_] {
    Addresses addresses = shared->blocking();
    threads_running.fetch_sub(1, std::memory_order_relaxed);
    Shared::Finish(shared, std::move(addresses));
  });
  if (thread.ok()) {
    thread->detach();
    return;
  }
  threads_running.fetch_sub(1, std::memory_order_relaxed);
  Shared::Finish(shared_, thread.status());
}

Lookup::~Lookup() {
  {
    MutexLock lock(shared_->mutex);
    shared_->home = nullptr;
  }
  shared_->done = nullptr;
}

}  // namespace rain
