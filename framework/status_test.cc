#include "listenrain/framework/status.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"

namespace rain {
namespace {

absl::Status Annotated() {
  return WithDetail(WithOrigin(WithBytesSent(absl::UnavailableError("reset"), BytesSent::part), Origin::peer), "a detail");
}

TEST(Status, CarriesWhatWasSentAndWhoseItIs) {
  for (const BytesSent sent : {BytesSent::unknown, BytesSent::none, BytesSent::part, BytesSent::all}) {
    EXPECT_EQ(BytesSentOf(WithBytesSent(absl::UnavailableError("reset"), sent)), sent);
  }
  for (const Origin origin : {Origin::unknown, Origin::local, Origin::peer}) {
    EXPECT_EQ(OriginOf(WithOrigin(absl::UnavailableError("reset"), origin)), origin);
  }
}

TEST(Status, SaysUnknownWhereNothingWasSaid) {
  const absl::Status bare = absl::UnavailableError("reset");
  EXPECT_EQ(BytesSentOf(bare), BytesSent::unknown);
  EXPECT_EQ(OriginOf(bare), Origin::unknown);
  EXPECT_EQ(DetailOf(bare), "");
}

TEST(Status, AnnotationsDoNotDisturbOneAnother) {
  const absl::Status status = Annotated();
  EXPECT_EQ(BytesSentOf(status), BytesSent::part);
  EXPECT_EQ(OriginOf(status), Origin::peer);
  EXPECT_EQ(DetailOf(status), "a detail");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "reset");
}

TEST(Status, IsReadableAsItIsPrinted) {
  const std::string printed = Annotated().ToString();
  EXPECT_NE(printed.find("part"), std::string::npos) << printed;
  EXPECT_NE(printed.find("peer"), std::string::npos) << printed;
}

TEST(Status, WhereItHappenedIsSaidOnce) {
  const absl::Status once = At("tcp://here:1", absl::UnavailableError("refused"));
  EXPECT_EQ(once.message(), "tcp://here:1: refused");
  EXPECT_EQ(At("tcp://here:1", once).message(), once.message());
}

TEST(Status, TheLastAnnotationHolds) {
  const absl::Status status = WithBytesSent(Annotated(), BytesSent::all);
  EXPECT_EQ(BytesSentOf(status), BytesSent::all);
  EXPECT_EQ(OriginOf(status), Origin::peer);
}

TEST(Status, AnOkStatusStaysBare) {
  const absl::Status ok = WithDetail(WithOrigin(WithBytesSent(absl::OkStatus(), BytesSent::all), Origin::peer), "detail");
  EXPECT_EQ(ok, absl::OkStatus());
  EXPECT_EQ(BytesSentOf(ok), BytesSent::unknown);
  EXPECT_EQ(OriginOf(ok), Origin::unknown);
  EXPECT_EQ(DetailOf(ok), "");
}

TEST(Status, DetailsAreBytes) {
  const std::string bytes("\0\xff\n", 3);
  EXPECT_EQ(DetailOf(WithDetail(absl::InternalError("x"), bytes)), bytes);
}

TEST(Status, AFreshOneSaysTheSameAndSharesNothing) {
  absl::Status original = Annotated();
  original.SetPayload("users/own", absl::Cord("kept"));
  const absl::Status fresh = Fresh(original);
  EXPECT_EQ(fresh, original);
  EXPECT_NE(fresh.message().data(), original.message().data());
  EXPECT_EQ(fresh.GetPayload("users/own"), absl::Cord("kept"));
  EXPECT_EQ(Fresh(absl::OkStatus()), absl::OkStatus());
}

// ThreadSanitizer tells if the two share anything after all.
TEST(Status, AFreshOneMayGoToAnotherThread) {
  const std::string long_detail(10'000, 'd');  // a cord that would be shared by reference
  absl::Status original = WithDetail(absl::UnavailableError("reset"), long_detail);
  std::thread other([fresh = Fresh(original), &long_detail]() mutable {
    EXPECT_EQ(DetailOf(fresh), long_detail);
    fresh = absl::OkStatus();
  });
  original = absl::OkStatus();
  other.join();
}

TEST(Status, AtPutsThePlaceInFrontAndKeepsTheRest) {
  const absl::Status status = At("tcp://127.0.0.1:80", Annotated());
  EXPECT_EQ(status.message(), "tcp://127.0.0.1:80: reset");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(BytesSentOf(status), BytesSent::part);
  EXPECT_EQ(DetailOf(status), "a detail");
  EXPECT_EQ(At("nowhere", absl::OkStatus()), absl::OkStatus());
}

}  // namespace
}  // namespace rain
