// Protocols without ids on the wire: what a peer or a handler does wrong must not shift replies, nor pile them up.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/framework/transport.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

constexpr char kKey[] = "scripted://service";

// Lines, of which those that begin with '!' are error replies.
class ErringLineCodec final : public MessageCodec<std::string> {
 public:
  const CodecTraits& traits() const override { return traits_; }
  void WriteHeader(const MessageHeader&, absl::Span<char>) const override {}
  absl::StatusOr<MessageHeader> PeekHeader(const Payload& payload, Role role) const override {
    const bool error = !payload.front().empty() && payload.front().data()[0] == '!';
    return MessageHeader{.kind = role == Role::acceptor ? MessageKind::request : error ? MessageKind::error : MessageKind::reply};
  }
  absl::Status EncodeError(const MessageHeader&, const absl::Status& error, PayloadWriter& to) const override {
    to.Append(absl::string_view("!" + absl::StatusCodeToString(error.code())));
    return to.status();
  }
  absl::Status DecodeError(const MessageHeader&, const Payload& payload) const override {
    return absl::AbortedError(ToString(payload));
  }
  absl::Status EncodeMessage(const MessageHeader&, const std::string& line, PayloadWriter& to) const override {
    to.Append(absl::string_view(line));
    return to.status();
  }
  absl::StatusOr<std::string> DecodeMessage(const MessageHeader&, Payload&& payload) const override { return ToString(payload); }
  MsgId IdOf(const std::string&) const override { return {}; }
  Route RouteOf(const std::string&) const override { return {}; }

 private:
  const CodecTraits traits_{.ids = IdPolicy::in_order, .kinds = Bit(MessageKind::error)};
};

class InOrderTest : public EngineFixture {
 protected:
  ProtocolSpec<std::string> LinesSpec(std::shared_ptr<const MessageCodec<std::string>> codec) {
    ProtocolSpec<std::string> spec;
    spec.name = "lines";
    spec.packet_codec = NewLinePacketCodec();
    spec.message_codec = std::move(codec);
    spec.channels.push_back(NewScriptedScheme(network_));
    return spec;
  }
  // Keeps what it is asked, for the test to answer.
  void ServeKept(const Protocol<std::string>& protocol) {
    Serve<std::string>(protocol, kKey, [this](std::string, CallContext, Responder<std::string> responder) {
      kept_.push_back(std::move(responder));
    });
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  const std::shared_ptr<ScriptedPeer> peer_ = ScriptedPeer::Make();
  std::vector<Responder<std::string>> kept_;
};

TEST_F(InOrderTest, AReplyThatNobodyAskedForShiftsNoOther) {
  const auto protocol = Register(LinesSpec(NewLineCodec()));
  network_->dials.Connect(peer_);
  Outcome<std::string> first;
  ASSERT_TRUE(rain_->Send(protocol, kKey, std::string("a"), first.callback()).ok());
  peer_->Send("to a\nto nobody\n");
  Settle();
  ASSERT_TRUE(first.result.ok()) << first.result.status();
  Outcome<std::string> second;
  ASSERT_TRUE(rain_->Send(protocol, kKey, std::string("b"), second.callback()).ok());
  peer_->Send("to b\n");
  Settle();
  ASSERT_TRUE(second.result.ok()) << second.result.status();
  EXPECT_EQ(*second.result, "to b");
  EXPECT_EQ(rain_->StatsOf(protocol).late_replies, 1u);
  ExpectBalanced(protocol);
}

TEST_F(InOrderTest, AReplyThatCannotBeFramedIsAnErrorInItsPlace) {
  const auto protocol = Register(LinesSpec(std::make_shared<ErringLineCodec>()));
  ServeKept(protocol);
  network_->accepts.Connect(peer_);
  peer_->Send("a\nb\nc\n");
  Settle();
  ASSERT_EQ(kept_.size(), 3u);
  EXPECT_TRUE(kept_[2].Reply("to c").ok());
  EXPECT_TRUE(kept_[1].Reply("to\nb").ok()) << "accepted; what is wrong shows as the packet is made";
  EXPECT_TRUE(kept_[0].Reply("to a").ok());
  Settle();
  EXPECT_EQ(peer_->taken(), "to a\n!INVALID_ARGUMENT\nto c\n");
  EXPECT_FALSE(peer_->closed());
}

TEST_F(InOrderTest, WithoutErrorRepliesAReplyThatCannotBeFramedEndsTheChannel) {
  const auto protocol = Register(LinesSpec(NewLineCodec()));
  ServeKept(protocol);
  network_->accepts.Connect(peer_);
  peer_->Send("a\nb\n");
  Settle();
  ASSERT_EQ(kept_.size(), 2u);
  EXPECT_TRUE(kept_[0].Reply("to\na").ok());
  Settle();
  EXPECT_EQ(peer_->taken(), "");
  EXPECT_TRUE(peer_->closed());
}

// A peer that ignores the window, while the first request is worked on.
TEST_F(InOrderTest, RepliesThatWaitForAnEarlierOneStayInTheWindow) {
  auto spec = LinesSpec(NewLineCodec());
  spec.limits.window_requests = 4;
  const auto protocol = Register(std::move(spec));
  ServeKept(protocol);
  network_->accepts.Connect(peer_);
  for (int i = 0; i < 100; ++i) {
    peer_->Send("a\n");
    Settle();
    if (kept_.size() > 1 && kept_.back().expected()) (void)kept_.back().Reply("early");
    Settle();
  }
  EXPECT_EQ(kept_.size(), 4u);
  EXPECT_TRUE(peer_->closed()) << "without error replies, one beyond the window ends the channel";
}

TEST_F(InOrderTest, RefusalsThatWaitForAnEarlierReplyStopTheReading) {
  auto spec = LinesSpec(std::make_shared<ErringLineCodec>());
  spec.limits.window_requests = 1;
  spec.limits.max_queued_packets = 8;
  const auto protocol = Register(std::move(spec));
  ServeKept(protocol);
  network_->accepts.Connect(peer_);
  for (int i = 0; i < 100; ++i) peer_->Send("a\n");
  Settle();
  EXPECT_FALSE(peer_->reading());
  EXPECT_LT(rain_->StatsOf(protocol).requests_refused, 20u);
  loop_->Advance(absl::Minutes(1));
  EXPECT_FALSE(peer_->closed()) << "it is the handler that is slow, and not the peer";
  ASSERT_EQ(kept_.size(), 1u);
  for (size_t i = 0; i < kept_.size(); ++i) {  // each makes room for one more, and for refusals
    ASSERT_TRUE(kept_[i].Reply("at last").ok());
    Settle();
  }
  EXPECT_TRUE(peer_->reading());
  EXPECT_TRUE(peer_->idle());
  EXPECT_EQ(peer_->taken().substr(0, 8), "at last\n");
  EXPECT_EQ(std::count(peer_->taken().begin(), peer_->taken().end(), '\n'), 100) << "an answer for each";
}

// The peer still works on what timed out here: it is in its window.
TEST_F(InOrderTest, ATombstoneHoldsItsPlaceInTheWindow) {
  auto spec = LinesSpec(NewLineCodec());
  spec.limits.window_requests = 2;
  const auto protocol = Register(std::move(spec));
  network_->dials.Connect(peer_);
  std::vector<Outcome<std::string>> outcomes(4);
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(rain_->Send(protocol, kKey, std::string("a"), outcomes[i].callback(), {.timeout = absl::Milliseconds(5)}).ok());
  }
  Settle();
  loop_->Advance(absl::Milliseconds(5));
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcomes[0].result.status())) << outcomes[0].result.status();
  for (size_t i = 2; i < 4; ++i) ASSERT_TRUE(rain_->Send(protocol, kKey, std::string("b"), outcomes[i].callback()).ok());
  Settle();
  EXPECT_EQ(peer_->taken(), "a\na\n");
  peer_->Send("late\n");
  Settle();
  EXPECT_EQ(peer_->taken(), "a\na\nb\n");
  peer_->Send("late\nto b\nto b\n");
  Settle();
  EXPECT_EQ(peer_->taken(), "a\na\nb\nb\n");
  EXPECT_TRUE(outcomes[2].result.ok() && outcomes[3].result.ok());
  ExpectBalanced(protocol);
}

// One that is gone without a word never answers, and nothing that is written would tell: the window lets nothing be written.
TEST_F(InOrderTest, AWindowOfTombstonesAndASilentPeerEndTheChannel) {
  auto spec = LinesSpec(NewLineCodec());
  spec.limits.window_requests = 1;
  const auto protocol = Register(std::move(spec));
  network_->dials.Connect(peer_);
  Outcome<std::string> given_up, early, late;
  ASSERT_TRUE(rain_->Send(protocol, kKey, std::string("a"), given_up.callback(), {.timeout = absl::Seconds(1)}).ok());
  Settle();
  loop_->Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(given_up.result.status()));
  ASSERT_TRUE(rain_->Send(protocol, kKey, std::string("b"), early.callback(), {.timeout = absl::Seconds(9)}).ok());
  ASSERT_TRUE(rain_->Send(protocol, kKey, std::string("c"), late.callback(), {.timeout = absl::Seconds(10)}).ok());
  Settle();
  loop_->Advance(absl::Seconds(9));
  EXPECT_TRUE(absl::IsDeadlineExceeded(early.result.status()));
  EXPECT_FALSE(peer_->closed()) << "it may be slow";
  loop_->Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.result.status()));
  EXPECT_TRUE(peer_->closed());
  ExpectBalanced(protocol);
}

}  // namespace
}  // namespace rain
