#include "listenrain/bench/raw_calls.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace rain::bench {
namespace {

constexpr size_t kPayloadBytes = 20;

class Sink final : public RawSink {
 public:
  absl::StatusOr<size_t> Write(absl::Span<const absl::Span<const char>> pieces) override {
    size_t taken = 0;
    for (absl::Span<const char> piece : pieces) {
      bytes.append(piece.data(), piece.size());
      taken += piece.size();
    }
    return taken;
  }
  void MoveTo(RawReader& reader) {
    std::memcpy(reader.Room().data(), bytes.data(), bytes.size());
    reader.Fill(bytes.size());
    bytes.clear();
  }
  std::string bytes;
};

// Two clients' connections to one server.
class RawCallsTest : public testing::Test {
 protected:
  struct Connection {
    Connection(Calls& calls, size_t first, size_t slots, RawMemory& memory)
        : caller(calls, first, slots),
          requests(to_server, memory.writing),
          replies(to_client, memory.writing),
          asked(kPayloadBytes, memory.reading),
          answered(kPayloadBytes, memory.reading) {}
    void Answer() {
      to_server.MoveTo(asked);
      EXPECT_TRUE(AnswerAll(asked, replies).ok());
    }
    absl::Status Turn(bool goes_on) {
      to_client.MoveTo(answered);
      return caller.Turn(answered, requests, Instant{2}, goes_on);
    }

    RawCaller caller;
    Sink to_server, to_client;
    RawWriter requests, replies;
    RawReader asked, answered;
  };

  const PayloadPattern pattern_{kPayloadBytes};
  Meter meter_{Options(), ::getpid(), ::getpid()};
  Calls calls_{pattern_, meter_, 5};
  RawMemory memory_;
  Connection first_{calls_, 0, 2, memory_};
  Connection second_{calls_, 2, 3, memory_};
};

TEST_F(RawCallsTest, EndAndBeginAgainAsLongAsTheyGoOn) {
  ASSERT_TRUE(first_.caller.Start(first_.requests, Instant{1}).ok());
  ASSERT_TRUE(second_.caller.Start(second_.requests, Instant{1}).ok());
  EXPECT_EQ(calls_.in_flight(), 5u);
  for (const bool goes_on : {true, false}) {
    first_.Answer();
    EXPECT_TRUE(first_.Turn(goes_on).ok());
    EXPECT_EQ(calls_.in_flight(), goes_on ? 5u : 3u);
  }
  EXPECT_TRUE(first_.to_server.bytes.empty());
  second_.Answer();
  EXPECT_TRUE(second_.Turn(false).ok());
  EXPECT_EQ(calls_.in_flight(), 0u);
}

TEST_F(RawCallsTest, RefuseAReplyOnAnotherCallsConnection) {
  ASSERT_TRUE(first_.caller.Start(first_.requests, Instant{1}).ok());
  ASSERT_TRUE(second_.caller.Start(second_.requests, Instant{1}).ok());
  first_.Answer();
  second_.Answer();
  std::swap(first_.to_client.bytes, second_.to_client.bytes);
  EXPECT_EQ(first_.Turn(true).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(second_.Turn(true).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rain::bench
