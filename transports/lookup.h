// Lookup: a name resolved without blocking the loop. The system's resolver can neither be cancelled nor bounded in time: it
// runs on a thread of its own, which nobody waits for.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "listenrain/framework/loop.h"
#include "listenrain/transports/socket_address.h"

namespace rain {

// Thread: loop (home). Destroying it cancels: `done` is then destroyed uncalled, at once.
class Lookup {
 public:
  using Addresses = absl::StatusOr<std::vector<SocketAddress>>;

  // `blocking` is called on another thread; `done` once on home, never inside the constructor, and may destroy the Lookup.
  // Errors (of `done`): those of `blocking`, RESOURCE_EXHAUSTED if too many names are being resolved or no thread is left.
  Lookup(Loop& home, std::function<Addresses()> blocking, absl::AnyInvocable<void(Addresses) &&> done);
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace rain
