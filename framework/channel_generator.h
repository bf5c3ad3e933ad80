// ChannelGenerator: makes channels. A dialer makes one per attempt, a listener one per accepted peer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

// Thread: loop (of the first Next), but for bound_key. Destroying it cancels what waits: then `done` is destroyed uncalled.
class ChannelGenerator {
 public:
  virtual ~ChannelGenerator() = default;

  // Asks for the next channel, which may be started here or on any other loop. `done` is called once, on `loop`, never inside
  // Next. One at a time.
  // Errors: UNAVAILABLE (unresolvable, refused), RESOURCE_EXHAUSTED (descriptors), PERMISSION_DENIED.
  virtual void Next(Loop& loop, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&> done) = 0;

  // How long to wait before asking again, after a Next that failed or a channel that lived so long. nullopt: give up.
  virtual std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) = 0;

  // How long after the last channel to ask whether a better one may be had: Next then makes one, or fails and the channel stays.
  // nullopt: the last one is the best there is.
  virtual std::optional<absl::Duration> ReviewAfter() = 0;

  // The better channel that the last Next gave was not used: the one before it still is.
  virtual void Declined() {}

  // A listener's key with what the system chose (the port for port 0); a dialer's own key. Thread: any.
  virtual TransportKey bound_key() const = 0;
};

// A kind of transport keys. The two functions are called on any thread, and do what can fail at once (parse, bind, listen).
// Errors: INVALID_ARGUMENT for a bad address or option; for listen also UNAVAILABLE (address in use), PERMISSION_DENIED.
struct TransportScheme {
  using Factory = std::function<absl::StatusOr<std::unique_ptr<ChannelGenerator>>(const TransportKey&)>;
  std::string name;  // "tcp"
  Factory dial;
  Factory listen;
};

}  // namespace rain
