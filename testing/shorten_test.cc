// What a failing test can do without is taken away, and nothing else.
#include "listenrain/testing/shorten.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace rain {
namespace {

bool Has(const std::vector<int>& numbers, int number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

std::vector<int> Thousand() {
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(Shorten, KeepsWhatItNeedsInItsOrder) {
  const auto fails = [](const std::vector<int>& left) { return Has(left, 3) && Has(left, 500) && Has(left, 999); };
  EXPECT_EQ(Shorten<int>(Thousand(), fails), (std::vector<int>{3, 500, 999}));
}

TEST(Shorten, TakesEverythingIfNothingIsNeeded) {
  EXPECT_TRUE(Shorten<int>(Thousand(), [](const std::vector<int>&) { return true; }).empty());
  EXPECT_TRUE(Shorten<int>({}, [](const std::vector<int>&) { return true; }).empty());
}

TEST(Shorten, TriesNoMoreThanItMay) {
  size_t tries = 0;
  const auto fails = [&](const std::vector<int>&) {
    ++tries;
    return false;
  };
  EXPECT_EQ(Shorten<int>(Thousand(), fails, 10).size(), 1000u);
  EXPECT_EQ(tries, 10u);
}

}  // namespace
}  // namespace rain
