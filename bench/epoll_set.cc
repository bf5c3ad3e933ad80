#include "listenrain/bench/epoll_set.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "listenrain/bench/process.h"
#include "listenrain/framework/clock.h"

namespace rain::bench {

absl::StatusOr<EpollSet> EpollSet::New(absl::Duration poll) {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return SystemError("epoll_create1", errno);
  return EpollSet(std::move(epoll), poll);
}

absl::Status EpollSet::Control(int operation, int descriptor, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  if (::epoll_ctl(epoll_.get(), operation, descriptor, &event) != 0) return SystemError("epoll_ctl", errno);
  return absl::OkStatus();
}

int EpollSet::Look(int milliseconds) {
  return ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
}

absl::StatusOr<absl::Span<const epoll_event>> EpollSet::Wait(int patience_milliseconds) {
  int ready = 0;
  if (poll_ > absl::ZeroDuration()) {
    const Instant until = SystemClock().Now() + poll_;
    do {
      ready = Look(0);
    } while (ready == 0 && SystemClock().Now() < until);
  }
  if (ready == 0) ready = Look(patience_milliseconds);
  if (ready < 0) return SystemError("epoll_wait", errno);
  if (ready == 0) return absl::DeadlineExceededError(absl::StrCat("nothing came for ", patience_milliseconds, " ms"));
  return absl::MakeConstSpan(events_.data(), static_cast<size_t>(ready));
}

}  // namespace rain::bench
