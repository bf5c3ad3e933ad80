#include "listenrain/bench/raw_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "listenrain/testing/scale.h"

namespace rain::bench {
namespace {

absl::Span<const char> SpanOf(const std::string& bytes) { return {bytes.data(), bytes.size()}; }

TEST(RawRing, TellsABatchAsSoonAsItIsFull) {
  RawRing ring(2 * RawRing::kBatch, 5, absl::ZeroDuration());
  const std::string payload = "bytes";
  for (size_t i = 1; i <= RawRing::kBatch + 1; ++i) ring.Append({i, SpanOf(payload)});
  RawPacket packet;
  ASSERT_TRUE(ring.Await());
  for (size_t i = 1; i <= RawRing::kBatch; ++i) {
    ASSERT_TRUE(ring.Next(packet));
    EXPECT_EQ(packet.number, i);
    EXPECT_EQ(std::string(packet.payload.begin(), packet.payload.end()), payload);
  }
  EXPECT_FALSE(ring.Next(packet));
  ring.Publish();
  ASSERT_TRUE(ring.Await());
  ASSERT_TRUE(ring.Next(packet));
  EXPECT_EQ(packet.number, RawRing::kBatch + 1);
}

TEST(RawRing, CopiesASmallPayloadAndRefersToALargeOne) {
  for (const size_t size : {size_t{0}, RawRing::kCopiedBytes, RawRing::kCopiedBytes + 1}) {
    RawRing ring(1, size, absl::ZeroDuration());
    std::string payload(size, 'x');
    ring.Append({1, SpanOf(payload)});
    ring.Publish();
    RawPacket packet;
    ASSERT_TRUE(ring.Await());
    ASSERT_TRUE(ring.Next(packet));
    EXPECT_EQ(packet.payload.size(), size);
    EXPECT_EQ(packet.payload.data() == payload.data(), size > RawRing::kCopiedBytes) << size;
  }
}

TEST(RawRing, EndsBehindWhatCameBefore) {
  RawRing ring(3, 1, absl::ZeroDuration());
  const std::string payload = "x";
  for (uint64_t number = 1; number <= 3; ++number) ring.Append({number, SpanOf(payload)});
  ring.End();
  RawPacket packet;
  ASSERT_TRUE(ring.Await());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ring.Next(packet));
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(ring.Next(packet));
    EXPECT_FALSE(ring.Await());
  }
}

// Echoes, which is what keeps the writer from running over its reader. One that does not spin sleeps between nearly all of them.
TEST(RawRing, LosesNothingBetweenTwoThreadsThatSpinOrSleep) {
  for (const absl::Duration poll : {absl::ZeroDuration(), absl::Microseconds(5), absl::Milliseconds(1)}) {
    constexpr uint64_t kInFlight = 3;
    const auto last = static_cast<uint64_t>(Scaled(20'000, 5'000, 2'000));
    RawRing there(kInFlight, sizeof(uint64_t), poll), back(kInFlight, sizeof(uint64_t), poll);
    std::thread echo([&] {
      RawPacket packet;
      while (there.Await()) {
        while (there.Next(packet)) back.Append(packet);
        back.Publish();
      }
      back.End();
    });
    uint64_t sent = 0, came = 0;
    const auto send = [&] {
      ++sent;
      there.Append({sent, {reinterpret_cast<const char*>(&sent), sizeof(sent)}});
    };
    while (sent < kInFlight) send();
    there.Publish();
    RawPacket packet;
    while (came < last && back.Await()) {
      while (back.Next(packet)) {
        uint64_t carried = 0;
        std::memcpy(&carried, packet.payload.data(), sizeof(carried));
        ++came;
        EXPECT_EQ(packet.number, came);
        EXPECT_EQ(carried, came);
        if (sent < last) send();
      }
      there.Publish();
    }
    there.End();
    echo.join();
    EXPECT_EQ(came, last);
    EXPECT_FALSE(back.Await());
  }
}

}  // namespace
}  // namespace rain::bench
