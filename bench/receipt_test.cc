#include "listenrain/bench/receipt.h"

#include <gtest/gtest.h>

namespace rain::bench {
namespace {

TEST(Receipt, SurvivesTheWay) {
  const Receipt sent{7, Instant{1'000}, 3};
  const absl::StatusOr<Receipt> got = Receipt::Decode(sent.Encode());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->messages, 7u);
  EXPECT_EQ(got->when, Instant{1'000});
  EXPECT_EQ(got->connections, 3u);
}

TEST(Receipt, IsRefusedWhenItHasAnotherSize) {
  const std::string bytes = Receipt().Encode();
  EXPECT_EQ(Receipt::Decode("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Receipt::Decode(bytes.substr(1)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Receipt::Decode(bytes + "x").status().code(), absl::StatusCode::kDataLoss);
}

TEST(Flow, IsWhatTheReceiverCountedInTheTimeOnItsClock) {
  const absl::StatusOr<Flow> flow = Flow::Between({100, Instant{5'000}, 1}, {350, Instant{7'000}, 1});
  ASSERT_TRUE(flow.ok()) << flow.status();
  EXPECT_EQ(flow->messages, 250u);
  EXPECT_EQ(flow->took, absl::Nanoseconds(2'000));
}

TEST(Flow, NeedsMessagesAndTime) {
  const Receipt first{100, Instant{5'000}, 1};
  EXPECT_EQ(Flow::Between(first, {100, Instant{7'000}, 1}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Flow::Between(first, {350, Instant{5'000}, 1}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CheckAllCame, RefusesOneLostAndOneNeverSent) {
  EXPECT_TRUE(CheckAllCame(10, {10, Instant{}, 1}).ok());
  EXPECT_EQ(CheckAllCame(10, {9, Instant{}, 1}), absl::DataLossError("of 10 messages that were posted, the receiver counted 9"));
  EXPECT_EQ(CheckAllCame(10, {11, Instant{}, 1}).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rain::bench
