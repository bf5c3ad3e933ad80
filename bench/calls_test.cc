#include "listenrain/bench/calls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace rain::bench {
namespace {

constexpr size_t kParallel = 3;
constexpr size_t kPayloadBytes = 40;

class CallsTest : public testing::Test {
 protected:
  // Of this process alone, from one second to three.
  CallsTest() : meter_(TwoSecondsAfterOne(), 0, 0) { meter_.Start(Instant{0}); }

  static Options TwoSecondsAfterOne() {
    Options options;
    options.warm_up = absl::Seconds(1);
    options.measured = absl::Seconds(2);
    return options;
  }
  static Instant At(absl::Duration since_start) { return Instant{0} + since_start; }
  std::string PayloadOf(uint64_t number) const {
    const absl::Span<const char> payload = pattern_.Of(number);
    return std::string(payload.begin(), payload.end());
  }

  const PayloadPattern pattern_{kPayloadBytes};
  Meter meter_;
  Calls calls_{pattern_, meter_, kParallel};
};

TEST_F(CallsTest, GiveEveryCallANumberOfItsOwn) {
  const uint64_t first = calls_.Begin(1, At(absl::Seconds(1)));
  EXPECT_EQ(Calls::SlotOf(first), 1u);
  ASSERT_TRUE(calls_.End(first, pattern_.Of(first), At(absl::Seconds(1))).ok());
  const uint64_t second = calls_.Begin(1, At(absl::Seconds(1)));
  EXPECT_EQ(Calls::SlotOf(second), 1u);
  EXPECT_NE(second, first);
  EXPECT_NE(PayloadOf(second), PayloadOf(first));
}

TEST(PayloadPattern, OfOnePayloadForAllSharesItAndLooksAtItsEnds) {
  constexpr size_t kBytes = 1000;
  const PayloadPattern pattern(kBytes, true);
  const Buffer sent = pattern.BufferOf(1);
  EXPECT_EQ(sent.data(), pattern.BufferOf(2).data());
  EXPECT_EQ(sent.data(), pattern.Of(3).data());
  const auto is_right = [&](std::string bytes, size_t first_piece) {
    const absl::Span<const char> all(bytes.data(), bytes.size());
    const absl::Span<const char> pieces[] = {all.subspan(0, first_piece), {}, all.subspan(first_piece)};
    return pattern.IsOf(4, pieces);
  };
  const std::string right(sent.view());
  for (const size_t first_piece : {size_t{0}, size_t{10}, PayloadPattern::kEndBytes, kBytes - 10, kBytes}) {
    EXPECT_TRUE(is_right(right, first_piece)) << first_piece;
    EXPECT_FALSE(is_right(right.substr(1), std::min(first_piece, kBytes - 1))) << first_piece;
    EXPECT_FALSE(is_right(right + "x", first_piece)) << first_piece;
    for (const size_t at :
         {size_t{0}, PayloadPattern::kEndBytes - 1, PayloadPattern::kEndBytes, kBytes - PayloadPattern::kEndBytes, kBytes - 1}) {
      std::string wrong = right;
      wrong[at] = static_cast<char>(wrong[at] + 1);
      EXPECT_EQ(is_right(wrong, first_piece), at == PayloadPattern::kEndBytes) << at << ", cut at " << first_piece;
    }
  }
}

TEST(PayloadPattern, OfManyPayloadsLooksAtEveryByte) {
  const PayloadPattern pattern(1000);
  std::string bytes(pattern.BufferOf(7).view());
  for (size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<char>(bytes[at] + 1);
    const absl::Span<const char> piece(bytes.data(), bytes.size());
    EXPECT_FALSE(pattern.IsOf(7, absl::MakeConstSpan(&piece, 1))) << at;
    bytes[at] = static_cast<char>(bytes[at] - 1);
    EXPECT_TRUE(pattern.IsOf(7, absl::MakeConstSpan(&piece, 1)));
  }
}

TEST_F(CallsTest, RecordOnlyWhatEndsInTheMeasuredTime) {
  const struct {
    absl::Duration begun, ended;
    bool recorded;
  } cases[] = {{absl::ZeroDuration(), absl::Seconds(1) - absl::Nanoseconds(1), false},
               {absl::ZeroDuration(), absl::Seconds(1), true},
               {absl::Seconds(2), absl::Seconds(3) - absl::Nanoseconds(1), true},
               {absl::Seconds(2), absl::Seconds(3), false}};
  uint64_t recorded = 0;
  for (const auto& each : cases) {
    const uint64_t number = calls_.Begin(0, At(each.begun));
    EXPECT_EQ(calls_.in_flight(), 1u);
    ASSERT_TRUE(calls_.End(number, pattern_.Of(number), At(each.ended)).ok());
    EXPECT_EQ(calls_.in_flight(), 0u);
    recorded += each.recorded ? 1 : 0;
    EXPECT_EQ(calls_.latencies().count(), recorded);
  }
  EXPECT_EQ(calls_.latencies().max(), 1'000'000'000u);
}

TEST_F(CallsTest, RefuseAReplyThatNoCallWaitsFor) {
  const uint64_t number = calls_.Begin(0, At(absl::Seconds(1)));
  for (const uint64_t stranger : {uint64_t{0}, uint64_t{kParallel}, number + 1, number + (uint64_t{1} << 32)}) {
    EXPECT_EQ(calls_.End(stranger, pattern_.Of(stranger), At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss) << stranger;
  }
  ASSERT_TRUE(calls_.End(number, pattern_.Of(number), At(absl::Seconds(1))).ok());
  EXPECT_EQ(calls_.End(number, pattern_.Of(number), At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss) << "twice";
}

TEST_F(CallsTest, RefuseAReplyWithAnythingButItsOwnPayload) {
  const uint64_t number = calls_.Begin(0, At(absl::Seconds(1)));
  for (size_t at = 0; at < kPayloadBytes; ++at) {
    std::string changed = PayloadOf(number);
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_EQ(calls_.End(number, changed, At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss) << at;
  }
  const std::string right = PayloadOf(number);
  EXPECT_EQ(calls_.End(number, right.substr(1), At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(calls_.End(number, right + "x", At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(calls_.End(number, "", At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(calls_.in_flight(), 1u);
  EXPECT_TRUE(calls_.End(number, right, At(absl::Seconds(1))).ok());
}

TEST_F(CallsTest, CheckAPayloadThatComesInPieces) {
  for (size_t cut = 0; cut <= kPayloadBytes; ++cut) {
    const uint64_t number = calls_.Begin(0, At(absl::Seconds(1)));
    const std::string right = PayloadOf(number);
    const absl::Span<const char> whole(right);
    const absl::Span<const char> swapped[] = {whole.subspan(cut), whole.subspan(0, cut)};
    const absl::Span<const char> pieces[] = {whole.subspan(0, cut), whole.subspan(cut)};
    if (cut > 0 && cut < kPayloadBytes) {
      EXPECT_EQ(calls_.End(number, swapped, At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss) << cut;
      EXPECT_EQ(calls_.End(number, pieces[0], At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss) << cut;
    }
    EXPECT_TRUE(calls_.End(number, pieces, At(absl::Seconds(1))).ok()) << cut;
  }
}

TEST_F(CallsTest, ForgetACallThatGetsNoReply) {
  const uint64_t number = calls_.Begin(2, At(absl::Seconds(1)));
  calls_.Abandon(number);
  EXPECT_EQ(calls_.in_flight(), 0u);
  EXPECT_EQ(calls_.latencies().count(), 0u);
  EXPECT_EQ(calls_.End(number, pattern_.Of(number), At(absl::Seconds(1))).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rain::bench
