#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/queue.h"
#include "listenrain/testing/queue_suite.h"

namespace rain {
namespace {

class FifoQueueTest : public testing::TestWithParam<QueueCheck> {};
TEST_P(FifoQueueTest, Conforms) { EXPECT_THAT(GetParam().run({.make = NewFifoQueue}), testing::IsEmpty()); }
INSTANTIATE_TEST_SUITE_P(Suite, FifoQueueTest, testing::ValuesIn(QueueChecks()), QueueCheckName());

}  // namespace
}  // namespace rain
