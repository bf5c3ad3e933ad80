#include "listenrain/testing/scripted_channel.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/recording_events.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

class ScriptedChannelTest : public testing::Test {
 protected:
  void Start() {
    channel = NewScriptedChannel(peer);
    channel->Start(loop, events);
    ASSERT_TRUE(loop.RunUntilIdle());
  }
  void Write(std::string bytes) {
    const Buffer piece = Buffer::Adopt(std::move(bytes));
    channel->Write({&piece, 1});
    ASSERT_TRUE(loop.RunUntilIdle());
  }

  ManualLoop loop;
  const std::shared_ptr<ScriptedPeer> peer = ScriptedPeer::Make();
  RecordingEvents events;
  std::unique_ptr<Channel> channel;
};

TEST_F(ScriptedChannelTest, ReadsWhatThePeerSendsInThePiecesOfTheScript) {
  peer->Send("abcdefg", 3).Send("xyz").End();
  Start();
  EXPECT_EQ(events.bytes, "abcdefgxyz");
  EXPECT_EQ(events.read_sizes, (std::vector<size_t>{3, 3, 1, 3}));
  EXPECT_EQ(events.ends, 1);
  EXPECT_TRUE(peer->idle());
  peer->Break(absl::UnavailableError("reset"));
  loop.RunUntilIdle();
  EXPECT_EQ(events.closed, absl::UnavailableError("reset"));
}

TEST_F(ScriptedChannelTest, WaitsAsLongAsTheScriptSaysButClosesAtOnce) {
  peer->Send("a").Wait(absl::Seconds(1)).Send("b").Wait(absl::Seconds(5)).Send("c");
  Start();
  EXPECT_TRUE(loop.Advance(absl::Milliseconds(999)));
  EXPECT_EQ(events.bytes, "a");
  EXPECT_TRUE(loop.Advance(absl::Milliseconds(1)));
  EXPECT_EQ(events.bytes, "ab");
  channel->Close(absl::CancelledError("enough"));
  EXPECT_FALSE(events.closed.has_value()) << "inside Close";
  loop.RunUntilIdle();
  EXPECT_EQ(events.closed, absl::CancelledError("enough"));
  EXPECT_TRUE(peer->closed());
  EXPECT_TRUE(loop.Advance(absl::Seconds(10)));
  EXPECT_EQ(events.bytes, "ab");
}

TEST_F(ScriptedChannelTest, TakesOnlyWhatThePeerAccepts) {
  Start();
  peer->Accept(4);
  Write("abc");
  Write("defg");
  EXPECT_EQ(peer->taken(), "abcd");
  EXPECT_EQ(channel->bytes_taken(), 4u);
  EXPECT_EQ(channel->pending_bytes(), 3u);
  EXPECT_EQ(peer->writes(), 2);
  channel->CloseWrite();
  EXPECT_FALSE(peer->write_closed());
  peer->Accept(100);
  EXPECT_EQ(events.drained, 0) << "inside a call";
  loop.RunUntilIdle();
  EXPECT_EQ(events.drained, 1);
  EXPECT_EQ(peer->taken(), "abcdefg");
  EXPECT_TRUE(peer->write_closed());
}

TEST_F(ScriptedChannelTest, BreaksAfterAnyByteThatIsWritten) {
  for (uint64_t bytes = 0; bytes <= 5; ++bytes) {
    const auto fragile = ScriptedPeer::Make();
    fragile->BreakAfterTaking(bytes, absl::UnavailableError("cut"));
    const auto cut = NewScriptedChannel(fragile);
    RecordingEvents told;
    cut->Start(loop, told);
    const Buffer piece = Buffer::Static("hello");
    cut->Write({&piece, 1});
    loop.RunUntilIdle();
    EXPECT_EQ(fragile->taken(), std::string("hello").substr(0, bytes));
    EXPECT_EQ(cut->bytes_taken(), bytes);
    EXPECT_EQ(told.closed, absl::UnavailableError("cut"));
  }
}

TEST_F(ScriptedChannelTest, ReadsNothingWhileReadingPausesOrBuffersAreRefused) {
  events.read_buffer_bytes = 0;
  peer->Send("abc").End();
  Start();
  EXPECT_EQ(events.bytes, "");
  EXPECT_FALSE(peer->reading());
  events.read_buffer_bytes = 2;
  channel->SetReading(true);
  loop.RunUntilIdle();
  EXPECT_EQ(events.read_sizes, (std::vector<size_t>{2, 1}));
  EXPECT_EQ(events.ends, 1);
  channel.reset();
  EXPECT_TRUE(peer->destroyed());
}

TEST(ScriptedScheme, AnswersInTheOrderOfTheScriptAndWaitsForMore) {
  ManualLoop loop;
  const auto network = std::make_shared<ScriptedNetwork>();
  const TransportScheme scheme = NewScriptedScheme(network);
  network->dials.retry_after = absl::Seconds(3);
  network->dials.Fail(absl::UnavailableError("refused"));
  auto dialer = *scheme.dial("scripted://a");
  std::vector<absl::Status> told;
  std::unique_ptr<Channel> channel;
  const auto ask = [&] {
    dialer->Next(loop, [&](absl::StatusOr<std::unique_ptr<Channel>> made) {
      told.push_back(made.status());
      if (made.ok()) channel = *std::move(made);
    });
  };
  ask();
  EXPECT_TRUE(told.empty()) << "inside Next";
  loop.RunUntilIdle();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], absl::UnavailableError("refused"));
  EXPECT_EQ(dialer->RetryAfter(told[0], absl::ZeroDuration()), absl::Seconds(3));

  ask();
  loop.RunUntilIdle();
  EXPECT_EQ(network->dials.waiting(), 1u);
  network->dials.Connect(ScriptedPeer::Make());
  loop.RunUntilIdle();
  ASSERT_NE(channel, nullptr);
  EXPECT_EQ(channel->peer()->address, "scripted://a");
  EXPECT_EQ(network->dials.asked(), 2);

  ask();
  dialer.reset();
  EXPECT_EQ(network->dials.waiting(), 0u);
  EXPECT_EQ(told.size(), 2u);
}

}  // namespace
}  // namespace rain
