#include "listenrain/bench/raw_posts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "listenrain/framework/clock.h"

namespace rain::bench {
namespace {

constexpr size_t kPayloadBytes = 100;

// Takes at most so many bytes until it is emptied.
class Pipe final : public RawSink {
 public:
  absl::StatusOr<size_t> Write(absl::Span<const absl::Span<const char>> pieces) override {
    size_t taken = 0;
    for (absl::Span<const char> piece : pieces) {
      const size_t now = std::min(piece.size(), kHolds - bytes_.size());
      bytes_.append(piece.data(), now);
      taken += now;
    }
    return taken;
  }
  void MoveTo(RawReader& reader) {
    const absl::Span<char> room = reader.Room();
    const size_t count = std::min(room.size(), bytes_.size());
    std::memcpy(room.data(), bytes_.data(), count);
    reader.Fill(count);
    bytes_.erase(0, count);
  }
  void Skip(size_t count) { bytes_.erase(0, count); }

 private:
  static constexpr size_t kHolds = 10'000;
  std::string bytes_;
};

// Both sides, joined by pipes.
class RawPostsTest : public testing::Test {
 protected:
  static Options Short() {
    Options options;
    options.warm_up = absl::Milliseconds(1);
    options.measured = absl::Milliseconds(5);
    return options;
  }
  absl::Status ClientTurn() {
    to_client_.MoveTo(receipts_);
    if (absl::Status written = posts_.OnWritable(); !written.ok()) return written;
    return poster_.Turn(receipts_, posts_);
  }
  absl::Status ServerTurn() {
    to_server_.MoveTo(messages_);
    return counter_.Turn(messages_, replies_);
  }
  // Until the client is done.
  absl::Status Run() {
    meter_.Start(SystemClock().Now());
    while (!poster_.done()) {
      if (absl::Status turned = ClientTurn(); !turned.ok()) return turned;
      if (absl::Status turned = ServerTurn(); !turned.ok()) return turned;
    }
    return absl::OkStatus();
  }

  const PayloadPattern pattern_{kPayloadBytes};
  Meter meter_{Short(), ::getpid(), ::getpid()};
  RawMemory memory_;
  Pipe to_server_;
  Pipe to_client_;
  RawReader messages_{kPayloadBytes, memory_.reading};
  RawReader receipts_{sizeof(Receipt), memory_.reading};
  RawWriter posts_{to_server_, memory_.writing};
  RawWriter replies_{to_client_, memory_.writing};
  RawPoster poster_{pattern_, meter_};
  RawCounter counter_;
};

TEST_F(RawPostsTest, AreAllCountedByTheReceiver) {
  ASSERT_TRUE(Run().ok());
  const absl::StatusOr<Flow> flow = poster_.Finish();
  ASSERT_TRUE(flow.ok()) << flow.status();
  EXPECT_GT(flow->messages, 0u);
  EXPECT_GT(flow->took, absl::ZeroDuration());
  EXPECT_TRUE(meter_.Finish(*flow).ok()) << "both samples were taken";
}

TEST_F(RawPostsTest, AreNoLongerWrittenWhenTheSinkIsFull) {
  meter_.Start(SystemClock().Now());
  ASSERT_TRUE(ClientTurn().ok());
  EXPECT_TRUE(posts_.full());
  EXPECT_LT(posts_.pending(), 2 * kRawFlushBytes);
  EXPECT_FALSE(poster_.done());
}

TEST_F(RawPostsTest, OneThatIsMissingIsFoundOut) {
  meter_.Start(SystemClock().Now());
  ASSERT_TRUE(ClientTurn().ok());
  to_server_.Skip(kRawHeaderBytes + kPayloadBytes);
  EXPECT_EQ(ServerTurn(), absl::DataLossError("message 2 came where 1 is the next"));
}

TEST_F(RawPostsTest, ACountThatFallsShortIsFoundOut) {
  meter_.Start(SystemClock().Now());
  ASSERT_TRUE(ClientTurn().ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(replies_.Append({0, Receipt{1, SystemClock().Now(), 1}.Encode()}).ok());
  ASSERT_TRUE(replies_.Flush().ok());
  ASSERT_TRUE(ClientTurn().ok());
  ASSERT_TRUE(poster_.done());
  EXPECT_EQ(poster_.Finish().status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rain::bench
