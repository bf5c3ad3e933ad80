// What both sides of sayhi do: register the protocol; then one greets, and the other answers.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "listenrain/examples/sayhi/sayhi_codec.h"
#include "listenrain/listenrain.h"

namespace sayhi {

inline constexpr char kDefaultKey[] = "tcp://127.0.0.1:8899";

// Everything but the message codec is the default.
absl::StatusOr<rain::Protocol<SayHi>> Register(rain::ListenRain& rain);

// The server's side: greets back.
rain::Router<SayHi> Greeter();

// The client's side: greets twice, once with a blocking call, once with a stat machine, and prints the replies.
absl::Status Greet(rain::ListenRain& rain, const rain::Protocol<SayHi>& protocol, const rain::TransportKey& key);

}  // namespace sayhi
