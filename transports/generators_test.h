// What the tests of stream-socket transports share: channels made through a scheme, on a loop that the test runs.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "listenrain/framework/channel_generator.h"
#include "listenrain/testing/recording_events.h"
#include "listenrain/transports/driven_loop_test.h"

namespace rain {

using ChannelOutcome = absl::StatusOr<std::unique_ptr<Channel>>;

struct ConnectedPair {
  std::unique_ptr<Channel> dialed;
  std::unique_ptr<Channel> accepted;
};

inline std::unique_ptr<ChannelGenerator> Listen(const TransportScheme& scheme, const TransportKey& key) {
  auto listener = scheme.listen(key);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return listener.ok() ? *std::move(listener) : nullptr;
}

inline std::unique_ptr<ChannelGenerator> Dial(const TransportScheme& scheme, const TransportKey& key) {
  auto dialer = scheme.dial(key);
  EXPECT_TRUE(dialer.ok()) << dialer.status();
  return dialer.ok() ? *std::move(dialer) : nullptr;
}

// The generator's next outcome, however long it takes.
inline ChannelOutcome Next(DrivenLoop& loop, ChannelGenerator& generator) {
  std::optional<ChannelOutcome> outcome;
  generator.Next(*loop, [&](ChannelOutcome made) { outcome = std::move(made); });
  EXPECT_FALSE(outcome.has_value()) << "told inside Next";
  if (!loop.RunUntil([&] { return outcome.has_value(); })) return absl::DeadlineExceededError("no outcome");
  return *std::move(outcome);
}

inline ConnectedPair Connect(DrivenLoop& loop, ChannelGenerator& dialer, ChannelGenerator& listener) {
  std::optional<ChannelOutcome> dialed;
  std::optional<ChannelOutcome> accepted;
  listener.Next(*loop, [&](ChannelOutcome made) { accepted = std::move(made); });
  dialer.Next(*loop, [&](ChannelOutcome made) { dialed = std::move(made); });
  if (!loop.RunUntil([&] { return dialed.has_value() && accepted.has_value(); })) return {};
  EXPECT_TRUE(dialed->ok()) << dialed->status();
  EXPECT_TRUE(accepted->ok()) << accepted->status();
  if (!dialed->ok() || !accepted->ok()) return {};
  return {**std::move(dialed), **std::move(accepted)};
}

// Starts both, and sees bytes go there and back.
inline void ExpectEcho(DrivenLoop& loop, ConnectedPair& pair) {
  ASSERT_NE(pair.dialed, nullptr);
  ASSERT_NE(pair.accepted, nullptr);
  RecordingEvents dialing, accepting;
  pair.dialed->Start(*loop, dialing);
  pair.accepted->Start(*loop, accepting);
  accepting.on_read = [&](const Buffer& read) { pair.accepted->Write({&read, 1}); };
  const Buffer ping[] = {Buffer::Static("one"), Buffer(), Buffer::Static("two")};
  pair.dialed->Write(ping);
  loop.RunUntil([&] { return dialing.bytes == "onetwo"; });
  EXPECT_EQ(pair.dialed->bytes_taken(), 6u);
  pair.dialed->CloseWrite();
  loop.RunUntil([&] { return accepting.ends == 1; });
  pair.accepted->Close(absl::CancelledError("enough"));
  loop.RunUntil([&] { return accepting.closed.has_value() && dialing.ends == 1; });
  EXPECT_EQ(accepting.closed->code(), absl::StatusCode::kCancelled);
  pair = {};
}

}  // namespace rain
