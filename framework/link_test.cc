#include "listenrain/framework/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "listenrain/codecs/length_prefix.h"
#include "listenrain/framework/callback_task_test.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/scripted_channel.h"

namespace rain {
namespace {

using testing::ElementsAre;

std::string Framed(const std::string& payload) { return std::string(3, '\0') + static_cast<char>(payload.size()) + payload; }

// A link that says back what it hears.
class Echo final : private LinkEvents {
 public:
  Echo(Loop& loop, TrafficPool& lender, bool keeps_untaken = false)
      : link_(loop, lender, keeps_untaken, NewScriptedChannel(peer_), *this) {}
  Echo(Loop& loop, TrafficPool& lender, std::unique_ptr<Channel> channel)
      : link_(loop, lender, false, std::move(channel), *this) {}

  ScriptedPeer& peer() { return *peer_; }
  Link& link() { return link_; }

  size_t awaited = 0;
  std::function<void(const Payload&)> on_packet = [](const Payload&) {};

 private:
  bool OnPacket(Payload&& payload) override {
    on_packet(payload);
    const absl::StatusOr<size_t> packet = link_.output().Append(std::move(payload));
    EXPECT_TRUE(packet.ok()) << packet.status();
    link_.Sent(*packet);
    return true;
  }
  void OnReadDone() override {}
  size_t awaited_packets() const override { return awaited; }
  void OnTaken(const ChargedPacket&) override {}
  void OnWritable() override {}
  void OnLinkEnd() override {}
  void OnLinkClosed(absl::Status) override {}

  const std::shared_ptr<ScriptedPeer> peer_ = ScriptedPeer::Make();
  Link link_;
};

// Hands over what it is told to, in buffers of its own, and takes all at once.
class HandingChannel final : public Channel {
 public:
  void Hand(Buffer bytes) { events_->OnRead(std::move(bytes)); }
  void Hand(std::string bytes) { Hand(Buffer::Adopt(std::move(bytes))); }
  const std::vector<std::string>& writes() const { return writes_; }

  void Start(Loop&, ChannelEvents& events) override { events_ = &events; }
  void Write(absl::Span<const Buffer> pieces) override {
    std::string& written = writes_.emplace_back();
    for (const Buffer& piece : pieces) written.append(piece.data(), piece.size());
    taken_ += written.size();
  }
  void CloseWrite() override {}
  uint64_t bytes_taken() const override { return taken_; }
  size_t pending_bytes() const override { return 0; }
  void SetReading(bool) override {}
  void Close(absl::Status) override { closed_ = true; }
  bool closed() const { return closed_; }
  std::shared_ptr<const PeerInfo> peer() const override { return std::make_shared<PeerInfo>(); }

 private:
  ChannelEvents* events_ = nullptr;
  std::vector<std::string> writes_;
  uint64_t taken_ = 0;
  bool closed_ = false;
};

class LinkTest : public testing::Test {
 protected:
  void Settle() { EXPECT_TRUE(loop_.RunUntilIdle()); }

  ManualLoop loop_;
  const std::shared_ptr<BufferPool> buffers_ = NewBufferPool();
  const std::shared_ptr<const PacketCodec> codec_ = NewLengthPrefixCodec();
  TrafficPool lender_{*codec_, *buffers_, {}};
};

TEST_F(LinkTest, HoldsNothingWhileNothingIsOnItsWay) {
  Echo echo(loop_, lender_);
  EXPECT_EQ(lender_.lent(), 0u);
  echo.peer().Send(Framed("a") + Framed("b"));
  Settle();
  EXPECT_EQ(echo.peer().taken(), Framed("a") + Framed("b"));
  EXPECT_EQ(echo.peer().writes(), 1);
  EXPECT_EQ(lender_.lent(), 0u);
  EXPECT_EQ(buffers_->bytes_in_use(), 0u);
}

TEST_F(LinkTest, KeepsTheBeginningOfAPacketUntilTheRestComes) {
  Echo echo(loop_, lender_);
  Echo other(loop_, lender_);
  echo.peer().Send(Framed("a long one").substr(0, 6));
  Settle();
  EXPECT_EQ(lender_.lent(), 1u);
  other.peer().Send(Framed("another"));
  Settle();
  EXPECT_EQ(other.peer().taken(), Framed("another"));
  echo.peer().Send(Framed("a long one").substr(6));
  Settle();
  EXPECT_EQ(echo.peer().taken(), Framed("a long one"));
  EXPECT_EQ(lender_.lent(), 0u);
}

TEST_F(LinkTest, KeepsWhatMayHaveToBeSentAgainUntilItIsTaken) {
  Echo echo(loop_, lender_, true);
  echo.peer().Accept(0);
  echo.peer().Send(Framed("a"));
  Settle();
  EXPECT_EQ(lender_.lent(), 1u);
  echo.peer().Accept(SIZE_MAX);
  Settle();
  EXPECT_EQ(echo.peer().taken(), Framed("a"));
  EXPECT_EQ(lender_.lent(), 0u);
}

TEST_F(LinkTest, GivesBackWhatItHeldWhenItEnds) {
  auto echo = std::make_unique<Echo>(loop_, lender_);
  echo->peer().Send(Framed("a").substr(0, 3));
  Settle();
  EXPECT_EQ(lender_.lent(), 1u);
  echo.reset();
  EXPECT_EQ(lender_.lent(), 0u);
  EXPECT_EQ(buffers_->bytes_in_use(), 0u);
}

TEST_F(LinkTest, WhatABrokenLinkHeldIsNobodyElses) {
  const std::shared_ptr<const PacketCodec> lines = NewLinePacketCodec();
  TrafficPool lender(*lines, *buffers_, {.max_packet_bytes = 10});
  Echo broken(loop_, lender);
  broken.peer().Send("a line that is too long and never ends");
  Settle();
  EXPECT_TRUE(broken.peer().closed());
  EXPECT_EQ(lender.lent(), 0u);
  Echo sound(loop_, lender);
  sound.peer().Send("hi\n");
  Settle();
  EXPECT_EQ(sound.peer().taken(), "hi\n");
}

// Each in the middle of a packet, so that it has to keep what it was lent.
TEST_F(LinkTest, WritesAtTheTurnsEndButAtOnceWhereManyLinksCarrySomething) {
  std::vector<std::unique_ptr<Echo>> busy;
  Echo first(loop_, lender_);
  first.peer().Send(Framed("a"));
  Settle();
  EXPECT_EQ(first.peer().taken(), Framed("a"));
  EXPECT_EQ(first.link().pending_bytes(), 0u);
  const auto left_before_the_turns_end = [&] {
    bool left = false;
    first.peer().Send(Framed("b"));
    const std::string before = first.peer().taken();
    CallbackTask end([&] { left = first.peer().taken() != before; });
    loop_.AtTurnEnd(end);  // it comes before what the turn asks for
    EXPECT_TRUE(loop_.RunTurn(loop_.now()));
    Settle();
    return left;
  };
  EXPECT_FALSE(left_before_the_turns_end());
  for (int i = 0; i < 20; ++i) {
    busy.push_back(std::make_unique<Echo>(loop_, lender_));
    busy.back()->peer().Send(Framed("c").substr(0, 3));
  }
  Settle();
  EXPECT_TRUE(left_before_the_turns_end());
  EXPECT_EQ(first.peer().taken(), Framed("a") + Framed("b") + Framed("b"));
}

TEST_F(LinkTest, WhatAPartOfManyPacketsLeadsToLeavesBeforeTheNextIsDealtWith) {
  auto owned = std::make_unique<HandingChannel>();
  HandingChannel& channel = *owned;
  Echo echo(loop_, lender_, std::move(owned));
  std::string many;
  for (int i = 0; i < 60; ++i) many += Framed(std::string(96, static_cast<char>('0' + i)));
  channel.Hand(many);
  Settle();
  EXPECT_THAT(channel.writes(), ElementsAre(many)) << "nothing is awaited: more may come at any time, or not";
  echo.awaited = 60;
  channel.Hand(many);
  const std::string first = many.substr(0, 21 * 100);  // whole packets, of a third and a little more
  const std::string second = many.substr(21 * 100, 21 * 100);
  EXPECT_THAT(channel.writes(), ElementsAre(many, first, second)) << "before the turn ends";
  Settle();
  EXPECT_THAT(channel.writes(), ElementsAre(many, first, second, many.substr(42 * 100)));
  EXPECT_EQ(lender_.lent(), 0u);
}

// However many small ones are awaited, and however it comes.
TEST_F(LinkTest, NoPacketIsCutByTheParts) {
  auto owned = std::make_unique<HandingChannel>();
  HandingChannel& channel = *owned;
  Echo echo(loop_, lender_, std::move(owned));
  echo.awaited = 60;
  channel.Hand(Framed("small"));
  const Buffer large = Buffer::Adopt(std::string(4 << 20, 'x'));
  const char* heard = nullptr;
  echo.on_packet = [&](const Payload& payload) {
    if (payload.back().size() > (1 << 20)) heard = payload.back().data();
  };
  channel.Hand(std::string({0, 0x40, 0, 4}) + "head");
  channel.Hand(large.Share());
  EXPECT_EQ(heard, large.data()) << "it lies where it came";
  Settle();
}

TEST_F(LinkTest, NothingIsDealtWithAfterAPartThatEndedTheLink) {
  const std::shared_ptr<const PacketCodec> lines = NewLinePacketCodec();
  TrafficPool lender(*lines, *buffers_, {.max_packet_bytes = 100});
  auto owned = std::make_unique<HandingChannel>();
  HandingChannel& channel = *owned;
  Echo echo(loop_, lender, std::move(owned));
  echo.awaited = 60;
  size_t heard = 0;
  echo.on_packet = [&](const Payload&) { ++heard; };
  std::string good;
  for (int i = 0; i < 30; ++i) good += std::string(49, 'x') + '\n';
  channel.Hand(good + std::string(2000, 'x') + "\n" + good);
  Settle();
  EXPECT_TRUE(channel.closed());
  EXPECT_EQ(heard, 30u);
  EXPECT_THAT(channel.writes(), ElementsAre(good.substr(0, 21 * 50))) << "what had left";
}

}  // namespace
}  // namespace rain
