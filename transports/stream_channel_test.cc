#include "listenrain/transports/stream_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/transports/stream_channel_fixture_test.h"

namespace rain {
namespace {

using StreamChannel = StreamChannelTest;

TEST_F(StreamChannel, WritesAtOnceAndOneGatherCallTakesManyPieces) {
  channel_->Start(*loop_, events_);
  std::vector<Buffer> pieces;
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    const std::string bytes = Bytes(all.size(), static_cast<size_t>(i % 7));  // some are empty
    all += bytes;
    pieces.push_back(Buffer::Adopt(bytes));
  }
  channel_->Write(pieces);
  EXPECT_EQ(channel_->bytes_taken() + channel_->pending_bytes(), all.size());
  std::string got = PeerReceives();
  EXPECT_FALSE(got.empty()) << "nothing was written before a turn";
  loop_.RunUntil([&] {
    got += PeerReceives();
    return got.size() >= all.size();
  });
  EXPECT_EQ(got, all);
  EXPECT_EQ(channel_->bytes_taken(), all.size());
}

TEST_F(StreamChannel, APeerThatNeverReadsStopsTheWriterAndCostsNoTurns) {
  channel_->Start(*loop_, events_);
  Fill();
  const uint64_t taken = channel_->bytes_taken();
  const size_t pending = channel_->pending_bytes();
  Write("more");
  EXPECT_EQ(channel_->pending_bytes(), pending + 4);
  EXPECT_LE(loop_.TurnsWhileIdle(), 5);
  EXPECT_EQ(channel_->bytes_taken(), taken);
  EXPECT_EQ(events_.drained, 0);
  channel_->Close(absl::CancelledError("enough"));
  EXPECT_EQ(channel_->pending_bytes(), 0u);
  EXPECT_EQ(channel_->bytes_taken(), taken);
  EXPECT_FALSE(events_.closed.has_value()) << "told inside Close";
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.closed->message(), "enough");
  EXPECT_EQ(channel_->bytes_taken(), taken);
}

TEST_F(StreamChannel, ATinySendBufferLosesNothingHoweverTheBytesAreCut) {
  const int tiny = 1;
  ASSERT_EQ(setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny)), 0);
  CheckingEvents receiver;
  auto receiving = Make(std::move(peer_));
  receiving->Start(*loop_, receiver);
  channel_->Start(*loop_, events_);
  uint64_t written = 0;
  constexpr uint64_t kTotal = 4 << 20;
  while (written < kTotal) {
    std::vector<Buffer> pieces;
    for (uint64_t count = loop_->Random() % 200; count > 0 && written < kTotal; --count) {
      const size_t size = std::min<uint64_t>(loop_->Random() % 3000, kTotal - written);
      pieces.push_back(Buffer::Adopt(Bytes(written, size)));
      written += size;
    }
    channel_->Write(pieces);
    EXPECT_EQ(channel_->bytes_taken() + channel_->pending_bytes(), written);
    if (channel_->pending_bytes() > 300'000) loop_.RunUntil([&] { return channel_->pending_bytes() < 100'000; });
  }
  loop_.RunUntil([&] { return receiver.received == kTotal; });
  EXPECT_FALSE(receiver.wrong);
  loop_.RunUntil([&] { return channel_->pending_bytes() == 0; });
  EXPECT_GE(events_.drained, 1);
}

TEST_F(StreamChannel, CarriesAHundredMebibytesBothWaysAtOnce) {
  UseTcp();
  constexpr uint64_t kPiece = 1 << 20;
  constexpr uint64_t kTotal = 100 * kPiece;
  CheckingEvents here, there;
  auto other = Make(std::move(peer_));
  channel_->Start(*loop_, here);
  other->Start(*loop_, there);
  uint64_t written = 0;
  loop_.RunUntil([&] {
    for (; written < kTotal && channel_->pending_bytes() < kPiece && other->pending_bytes() < kPiece; written += kPiece) {
      const Buffer piece = Buffer::Adopt(Bytes(written, kPiece));
      channel_->Write({&piece, 1});
      other->Write({&piece, 1});
    }
    return here.received == kTotal && there.received == kTotal;
  });
  EXPECT_FALSE(here.wrong);
  EXPECT_FALSE(there.wrong);
}

TEST_F(StreamChannel, CloseWriteWaitsForWhatPendsAndReadingGoesOn) {
  channel_->Start(*loop_, events_);
  Fill();
  channel_->CloseWrite();
  Write("ignored");
  const uint64_t total = channel_->bytes_taken() + channel_->pending_bytes();
  uint64_t got = 0;
  bool ended = false;
  loop_.RunUntil([&] {
    char bytes[4096];
    ssize_t count;
    while ((count = recv(peer_.get(), bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) got += static_cast<uint64_t>(count);
    ended = count == 0;
    return ended;
  });
  EXPECT_EQ(got, total);
  EXPECT_EQ(events_.drained, 1);
  PeerSends("still here");
  loop_.RunUntil([&] { return events_.bytes == "still here"; });
  peer_.reset();
  loop_.RunUntil([&] { return events_.ends == 1; });
  EXPECT_LE(loop_.TurnsWhileIdle(), 5) << "both directions have ended, and it is the user who closes";
  EXPECT_FALSE(events_.closed.has_value());
}

TEST_F(StreamChannel, WritingGoesOnAfterThePeersEnd) {
  channel_->Start(*loop_, events_);
  PeerSends("question");
  ASSERT_EQ(shutdown(peer_.get(), SHUT_WR), 0);
  loop_.RunUntil([&] { return events_.ends == 1; });
  EXPECT_EQ(events_.bytes, "question");
  EXPECT_LE(loop_.TurnsWhileIdle(), 5);
  Write("answer");
  EXPECT_EQ(PeerReceives(), "answer");
  channel_->CloseWrite();
  channel_->CloseWrite();
  char byte;
  EXPECT_EQ(recv(peer_.get(), &byte, 1, 0), 0);
}

TEST_F(StreamChannel, AnEmptyReadBufferPausesUntilReadingIsAskedForAgain) {
  channel_->Start(*loop_, events_);
  events_.read_buffer_bytes = 0;
  PeerSends("bytes");
  EXPECT_LE(loop_.TurnsWhileIdle(), 5);
  EXPECT_EQ(events_.bytes, "");
  events_.read_buffer_bytes = 100;
  EXPECT_LE(loop_.TurnsWhileIdle(), 5);
  EXPECT_EQ(events_.bytes, "");
  channel_->SetReading(true);
  loop_.RunUntil([&] { return events_.bytes == "bytes"; });
}

TEST_F(StreamChannel, MayBeClosedInsideEachEvent) {
  const absl::Status why = absl::CancelledError("inside");
  for (const std::string in : {"read buffer", "read", "drained", "end"}) {
    SCOPED_TRACE(in);
    SetUp();
    class ClosingEvents final : public ChannelEvents {
     public:
      Channel* channel = nullptr;
      std::string in;
      int closed = 0;

     private:
      Buffer ReadBuffer(size_t) override { return Event("read buffer"), Buffer::Adopt(std::string(100, '\0')); }
      void OnRead(Buffer) override { Event("read"); }
      void OnDrained() override { Event("drained"); }
      void OnEnd() override { Event("end"); }
      void OnClosed(absl::Status status) override {
        EXPECT_EQ(status.message(), "inside");
        ++closed;
        channel->Write({});
        channel->CloseWrite();
        channel->SetReading(true);
        channel->Close(absl::CancelledError("again"));
      }
      void Event(const std::string& event) {
        EXPECT_EQ(closed, 0);
        if (event == in) channel->Close(absl::CancelledError("inside"));
      }
    } events;
    events.channel = channel_.get();
    events.in = in;
    channel_->Start(*loop_, events);
    if (in == "drained") Fill();
    PeerSends("bytes");
    ASSERT_EQ(shutdown(peer_.get(), SHUT_WR), 0);
    loop_.RunUntil([&] {
      PeerReceives();
      return events.closed > 0;
    });
    loop_.RunReady();
    EXPECT_EQ(events.closed, 1);
  }
}

TEST_F(StreamChannel, ClosedBeforeItIsStartedItTellsSoAtTheStart) {
  channel_->Close(absl::CancelledError("early"));
  loop_.RunReady();
  channel_->Start(*loop_, events_);
  EXPECT_FALSE(events_.closed.has_value());
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.closed->message(), "early");
}

TEST_F(StreamChannel, DestroyedItEndsWithoutAnEvent) {
  channel_->Start(*loop_, events_);
  Fill();
  channel_->Close(absl::CancelledError("closed, and destroyed before it was told"));
  channel_.reset();
  loop_.RunReady();
  EXPECT_FALSE(events_.closed.has_value());
  EXPECT_EQ(fcntl(fd_, F_GETFD), -1) << "the descriptor is open";
  EXPECT_EQ(errno, EBADF);
}

TEST_F(StreamChannel, ADescriptorThatIsNoSocketEndsWithAnErrorThatSaysSo) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  channel_ = Make(UniqueFd(ends[0]));
  peer_ = UniqueFd(ends[1]);
  channel_->Start(*loop_, events_);
  ASSERT_EQ(write(peer_.get(), "x", 1), 1);
  loop_.RunUntil([&] { return events_.closed.has_value(); });
  EXPECT_EQ(events_.closed->code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace rain
