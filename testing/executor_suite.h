// The executor suite: what every Executor must do, as checks that tell what is wrong. For users' executors as for ours.
//
//   class MyExecutor : public testing::TestWithParam<rain::ExecutorCheck> {};
//   TEST_P(MyExecutor, Conforms) { EXPECT_THAT(GetParam().run({.make = NewMyExecutor}), testing::IsEmpty()); }
//   INSTANTIATE_TEST_SUITE_P(Suite, MyExecutor, testing::ValuesIn(rain::ExecutorChecks()), rain::ExecutorCheckName());
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "listenrain/framework/executor.h"
#include "listenrain/testing/violations.h"

namespace rain {

struct ExecutorSubject {
  // A new executor, whose last reference is the caller's.
  std::function<std::shared_ptr<Executor>()> make;
  // For an executor without threads of its own, such as a manual one: runs what waits. Null for the others.
  std::function<void(Executor&)> drive;
  // How long a check waits for what must happen. Only a failing check waits that long.
  absl::Duration patience = absl::Seconds(30);
  // How long it looks out for what must not happen but could at any time: more tasks at once than concurrency() says.
  absl::Duration lookout = absl::Milliseconds(20);
};

struct ExecutorCheck {
  const char* name;
  Violations (*run)(const ExecutorSubject&);
};

const std::vector<ExecutorCheck>& ExecutorChecks();

// For INSTANTIATE_TEST_SUITE_P.
struct ExecutorCheckName {
  template <class ParamInfo>
  std::string operator()(const ParamInfo& info) const {
    return info.param.name;
  }
};

// All of them; each violation begins with its check's name.
Violations CheckExecutor(const ExecutorSubject& subject);

}  // namespace rain
