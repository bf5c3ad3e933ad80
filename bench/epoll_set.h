// EpollSet: descriptors that one thread waits for, on level-triggered epoll.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "listenrain/bench/descriptor.h"

namespace rain::bench {

// Thread: one.
class EpollSet {
 public:
  // Each wait looks for `poll` before it sleeps.
  static absl::StatusOr<EpollSet> New(absl::Duration poll);

  // `events` as epoll takes them. A descriptor leaves the set when it is closed. Errors: of the system.
  absl::Status Add(int descriptor, uint32_t events) { return Control(EPOLL_CTL_ADD, descriptor, events); }
  absl::Status Change(int descriptor, uint32_t events) { return Control(EPOLL_CTL_MOD, descriptor, events); }

  // At least one event, with its descriptor in data.fd; gone with the next wait. Errors: DEADLINE_EXCEEDED after the patience
  // (-1: endless) without any; of the system.
  absl::StatusOr<absl::Span<const epoll_event>> Wait(int patience_milliseconds);

 private:
  EpollSet(Descriptor epoll, absl::Duration poll) : epoll_(std::move(epoll)), poll_(poll) {}
  absl::Status Control(int operation, int descriptor, uint32_t events);
  int Look(int milliseconds);

  Descriptor epoll_;
  absl::Duration poll_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace rain::bench
