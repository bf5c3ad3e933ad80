// Listener: the handle of an access point that is being served.
#pragma once

#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "listenrain/framework/connection.h"
#include "listenrain/framework/drain.h"
#include "listenrain/framework/ref.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

class AcceptorBox;

// Move-only; listens as long as it lives. Outlives its ListenRain harmlessly. Thread: any.
class Listener {
 public:
  Listener();
  explicit Listener(Ref<AcceptorBox> box);
  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();  // Stop()

  // With what the system chose, such as the port for port 0.
  const TransportKey& bound_key() const;

  // Who is connected now, loop by loop, each in the order in which they came.
  std::vector<Connection> connections() const;

  // Accepts no more, and ends the accepted transports. Waits until that is done, unless called on a loop (a handler under the
  // inline executor), where it is done at the turn's end. Idempotent.
  void Stop() const;

  // The same without loss: accepts no more, tells the peers to go away where the codec can, answers what was read, refuses what
  // comes later as UNAVAILABLE, then lets the channels end; what is left after `timeout` is ended. Waits for the report; called
  // on a loop (a handler under the inline executor) it does not wait, and the report is empty. A handler that calls it answers
  // its own request first, or from another thread.
  DrainReport Drain(absl::Duration timeout) const;
  // Does not wait: `done` is told on the loop.
  void DrainThen(absl::Duration timeout, absl::AnyInvocable<void(DrainReport) &&> done) const;

 private:
  Ref<AcceptorBox> box_;
};

}  // namespace rain
