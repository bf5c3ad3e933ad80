#include "listenrain/transports/quiet_thread.h"

#include <signal.h>

#include <system_error>
#include <utility>

namespace rain {

absl::StatusOr<std::thread> StartQuietThread(std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread begins with its maker's mask
  absl::StatusOr<std::thread> thread =
      absl::ResourceExhaustedError("the system refuses another thread (raise the limit of threads, ulimit -u)");
  try {
    thread = std::thread(std::move(body));
  } catch (const std::system_error&) {  // the only thing it throws, and it means this
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace rain
