// Messages of one stream that overtake each other are told, and no others.
#include "listenrain/testing/order_ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rain {
namespace {

class OrderLedgerTest : public testing::Test {
 protected:
  std::vector<std::string> broken_;
  OrderLedger ledger_{[this](absl::string_view what) { broken_.emplace_back(what); }};
};

TEST_F(OrderLedgerTest, StreamsAndReceiversHaveOrdersOfTheirOwn) {
  ledger_.OnSent(1, 10);
  ledger_.OnSent(1, 11);
  ledger_.OnSent(2, 12);
  ledger_.OnSent(1, 13);
  ledger_.OnHandled(7, 12);
  ledger_.OnHandled(7, 10);
  ledger_.OnHandled(7, 13);
  ledger_.OnHandled(8, 11);
  ledger_.OnHandled(7, 99);  // of no stream
  EXPECT_TRUE(broken_.empty()) << broken_.front();
}

TEST_F(OrderLedgerTest, OneThatOvertookIsTold) {
  ledger_.OnSent(1, 10);
  ledger_.OnSent(1, 11);
  ledger_.OnHandled(7, 11);
  ledger_.OnHandled(7, 10);
  ASSERT_EQ(broken_.size(), 1u);
  EXPECT_EQ(broken_.front(), "call 10 was handled after call 11, sent later");
}

}  // namespace
}  // namespace rain
