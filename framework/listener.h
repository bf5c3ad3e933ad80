// Listener: the handle of an access point that is being served.
#pragma once

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

  // Accepts no more, and ends the accepted transports. Waits until that is done, unless called on a loop (a handler under the
  // inline executor), where it is done at the turn's end. Idempotent.
  void Stop();

 private:
  Ref<AcceptorBox> box_;
};

}  // namespace rain
