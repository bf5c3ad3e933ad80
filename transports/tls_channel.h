// TlsChannel: TLS over another channel, which carries the ciphertext.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "listenrain/framework/channel.h"
#include "listenrain/transports/tls_session.h"

namespace rain {

// What the channels of one generator have in common. Thread: any; constant, but for the count.
struct TlsParts {
  TlsSession::Parts session;
  bool dialing = false;
  absl::Duration handshake_timeout;           // from Start
  uint64_t rekey_bytes = uint64_t{64} << 30;  // when so much was written with one key, there is another (TLS 1.3)
  std::string scheme;                         // of the peer's address, instead of
  std::string scheme_below;                   // this one
  mutable std::atomic<size_t> handshakes{0};  // of channels that were made, and have not done with them
};

// Thread: any for the call; the channel's contract for the rest.
std::unique_ptr<Channel> NewTlsChannel(std::shared_ptr<const TlsParts> parts, std::unique_ptr<Channel> below);

// Of what a dialed channel's OnClosed was told: whether the peer did not want us, or we not it.
bool IsFailedHandshake(const absl::Status& why);

}  // namespace rain
