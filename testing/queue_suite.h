// The queue suite: what every Queue must do, as checks that tell what is wrong. For users' queues as for ours.
//
//   class MyQueue : public testing::TestWithParam<rain::QueueCheck> {};
//   TEST_P(MyQueue, Conforms) { EXPECT_THAT(GetParam().run({.make = NewMyQueue}), testing::IsEmpty()); }
//   INSTANTIATE_TEST_SUITE_P(Suite, MyQueue, testing::ValuesIn(rain::QueueChecks()), rain::QueueCheckName());
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "listenrain/framework/queue.h"
#include "listenrain/testing/violations.h"

namespace rain {

struct QueueSubject {
  // A new queue, as for a new transport.
  std::function<std::unique_ptr<Queue>()> make;
  // Messages that are alike in all that a queue may look at leave in the order in which they came. False for a queue that has
  // them otherwise on purpose, such as last in, first out.
  bool keeps_order = true;
};

struct QueueCheck {
  const char* name;
  Violations (*run)(const QueueSubject&);
};

const std::vector<QueueCheck>& QueueChecks();

// For INSTANTIATE_TEST_SUITE_P.
struct QueueCheckName {
  template <class ParamInfo>
  std::string operator()(const ParamInfo& info) const {
    return info.param.name;
  }
};

// All of them; each violation begins with its check's name.
Violations CheckQueue(const QueueSubject& subject);

}  // namespace rain
