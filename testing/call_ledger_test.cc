// Every broken promise is told, and none that was kept.
#include "listenrain/testing/call_ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "listenrain/framework/status.h"

namespace rain {
namespace {

class CallLedgerTest : public testing::Test {
 protected:
  uint64_t Accepted(bool may_be_sent_again = false) {
    const uint64_t call = ledger_.Begin(0, may_be_sent_again);
    ledger_.OnSendReturned(call, absl::OkStatus());
    return call;
  }

  std::vector<std::string> broken_;
  CallLedger ledger_{[this](absl::string_view what) { broken_.emplace_back(what); }};
};

TEST_F(CallLedgerTest, CallsThatEndAsPromised) {
  const uint64_t replied = Accepted();
  ledger_.OnHandled(replied);
  ledger_.OnOutcome(replied, absl::OkStatus());
  const uint64_t failed = Accepted();
  ledger_.OnOutcome(failed, WithBytesSent(absl::UnavailableError(""), BytesSent::none));
  const uint64_t twice = Accepted(true);
  ledger_.OnHandled(twice);
  ledger_.OnHandled(twice);
  ledger_.OnOutcome(twice, absl::OkStatus());
  const uint64_t refused = ledger_.Begin(0, false);
  ledger_.OnSendReturned(refused, absl::ResourceExhaustedError(""));
  const uint64_t posted = Accepted();
  ledger_.OnPosted(posted);
  const uint64_t early = ledger_.Begin(0, false);  // before Send has returned
  ledger_.OnHandled(early);
  ledger_.OnOutcome(early, absl::OkStatus());
  ledger_.OnSendReturned(early, absl::OkStatus());
  EXPECT_TRUE(broken_.empty()) << broken_.front();
  EXPECT_EQ(ledger_.open(), 0u) << ledger_.AnOpenCall();
  EXPECT_EQ(ledger_.sums().replied, 3u);
}

TEST_F(CallLedgerTest, ASecondOutcome) {
  const uint64_t call = Accepted();
  ledger_.OnOutcome(call, absl::CancelledError());
  ledger_.OnOutcome(call, absl::CancelledError());
  EXPECT_EQ(broken_.size(), 1u);
}

TEST_F(CallLedgerTest, AnOutcomeOfWhatWasRefused) {
  const uint64_t call = ledger_.Begin(0, false);
  ledger_.OnSendReturned(call, absl::ResourceExhaustedError(""));
  ledger_.OnOutcome(call, absl::CancelledError());
  EXPECT_EQ(broken_.size(), 1u);
}

TEST_F(CallLedgerTest, ACallThatIsHandledTwice) {
  const uint64_t call = Accepted();
  ledger_.OnHandled(call);
  ledger_.OnHandled(call);
  EXPECT_EQ(broken_.size(), 1u);
}

TEST_F(CallLedgerTest, ACallThatIsHandledThoughNothingOfItWasSent) {
  for (const bool handled_first : {true, false}) {
    broken_.clear();
    const uint64_t call = Accepted();
    if (handled_first) ledger_.OnHandled(call);
    ledger_.OnOutcome(call, WithBytesSent(absl::CancelledError(), BytesSent::none));
    if (!handled_first) ledger_.OnHandled(call);
    EXPECT_EQ(broken_.size(), 1u) << handled_first;
  }
}

TEST_F(CallLedgerTest, AReplyThatNobodyMadeOrIsAnotherCalls) {
  ledger_.OnOutcome(Accepted(), absl::OkStatus());
  EXPECT_EQ(broken_.size(), 1u);
  const uint64_t call = Accepted();
  ledger_.OnHandled(call);
  ledger_.OnOutcome(call, absl::OkStatus(), false);
  EXPECT_EQ(broken_.size(), 2u);
  ledger_.OnHandled(1000);
  EXPECT_EQ(broken_.size(), 3u);
}

TEST_F(CallLedgerTest, WhoIsGoneIsToldNothing) {
  const uint64_t call = Accepted();
  EXPECT_EQ(ledger_.open(), 1u);
  ledger_.Forget(0);
  EXPECT_EQ(ledger_.open(), 0u);
  ledger_.OnOutcome(call, absl::CancelledError());
  EXPECT_EQ(ledger_.sums().forgotten, 1u);
  EXPECT_TRUE(broken_.empty());
}

}  // namespace
}  // namespace rain
