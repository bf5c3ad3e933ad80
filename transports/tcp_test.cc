#include "listenrain/transports/tcp.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "listenrain/testing/recording_events.h"
#include "listenrain/transports/driven_loop.h"

namespace rain {
namespace {

using Outcome = absl::StatusOr<std::unique_ptr<Channel>>;

std::unique_ptr<ChannelGenerator> Listen(const TransportKey& key) {
  auto listener = NewTcpScheme().listen(key);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return listener.ok() ? *std::move(listener) : nullptr;
}

std::unique_ptr<ChannelGenerator> Dial(const TransportKey& key) {
  auto dialer = NewTcpScheme().dial(key);
  EXPECT_TRUE(dialer.ok()) << dialer.status();
  return dialer.ok() ? *std::move(dialer) : nullptr;
}

Outcome Next(DrivenLoop& loop, ChannelGenerator& generator) {
  std::optional<Outcome> outcome;
  generator.Next(*loop, [&](Outcome made) { outcome = std::move(made); });
  EXPECT_FALSE(outcome.has_value()) << "told inside Next";
  loop.RunUntil([&] { return outcome.has_value(); });
  return outcome.has_value() ? *std::move(outcome) : absl::DeadlineExceededError("no outcome");
}

struct Connected {
  std::unique_ptr<Channel> dialed;
  std::unique_ptr<Channel> accepted;
};

Connected Connect(DrivenLoop& loop, ChannelGenerator& dialer, ChannelGenerator& listener) {
  std::optional<Outcome> dialed;
  std::optional<Outcome> accepted;
  listener.Next(*loop, [&](Outcome made) { accepted = std::move(made); });
  dialer.Next(*loop, [&](Outcome made) { dialed = std::move(made); });
  loop.RunUntil([&] { return dialed.has_value() && accepted.has_value(); });
  EXPECT_TRUE(dialed->ok()) << dialed->status();
  EXPECT_TRUE(accepted->ok()) << accepted->status();
  return {**std::move(dialed), **std::move(accepted)};
}

TEST(Tcp, CarriesBytesBothWays) {
  DrivenLoop loop;
  auto listener = Listen("tcp://127.0.0.1:0");
  auto dialer = Dial(listener->bound_key());
  Connected pair = Connect(loop, *dialer, *listener);
  EXPECT_EQ(pair.dialed->peer().address, listener->bound_key().text());

  RecordingEvents dialing, accepting;
  pair.dialed->Start(dialing);
  pair.accepted->Start(accepting);
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
}

}  // namespace
}  // namespace rain
