// The yardsticks' sockets: connected pairs over TCP or a Unix socket, non-blocking and set up alike on both sides.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "listenrain/bench/descriptor.h"
#include "listenrain/bench/options.h"

namespace rain::bench {

struct Listening {
  Descriptor socket;
  std::string address;  // "127.0.0.1:port" of the system's choice; "@name", abstract, for Unix sockets
};

// Errors: of the system; also if it lacks the congestion control.
absl::StatusOr<Listening> Listen(const Options& options);
// A peer's socket; none if no peer waits. What Listen set for the socket holds for the peer's too. Errors: of the system.
absl::StatusOr<Descriptor> Accept(const Listening& at);
// Waits for a peer.
absl::StatusOr<Descriptor> AcceptOne(const Listening& at);
// Errors: of the system; INVALID_ARGUMENT for an address that Listen did not make.
absl::StatusOr<Descriptor> Connect(const Options& options, absl::string_view address);

}  // namespace rain::bench
