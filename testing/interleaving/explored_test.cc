#include "listenrain/testing/interleaving/explored_test.h"

#include <chrono>
#include <cstdio>
#include <string>

#include "gtest/gtest.h"

namespace rain {
namespace {

// The sums, once all tests have run.
class Sum final : public testing::Environment {
 public:
  void Add(const Exploration& one) {
    schedules_ += one.schedules;
    cut_ += one.cut;
    ++scenarios_;
  }
  void TearDown() override {
    std::printf("All: %zu schedules of %zu scenarios, and %zu cut short\n", schedules_, scenarios_, cut_);
  }

 private:
  size_t schedules_ = 0;
  size_t cut_ = 0;
  size_t scenarios_ = 0;
};

Sum& TheSum() {
  static auto& sum = static_cast<Sum&>(*testing::AddGlobalTestEnvironment(new Sum));
  return sum;
}
[[maybe_unused]] const Sum& added_before_the_tests_run = TheSum();

}  // namespace

Exploration ExploreAndTell(const char* name, const std::function<void(Scenario&)>& set_up, const ExploreOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  Exploration explored = Explore(set_up, options);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  std::printf("%s: %zu schedules, and %zu cut short, of %zu steps at most, in %.0f ms%s\n", name, explored.schedules,
              explored.cut, explored.longest, took.count(), explored.ok() ? "" : ": one fails");
  testing::Test::RecordProperty(std::string(name) + " schedules", std::to_string(explored.schedules));
  TheSum().Add(explored);
  return explored;
}

}  // namespace rain
