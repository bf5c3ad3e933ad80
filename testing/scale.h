// How much the tests do.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace rain {

// How much a test does. RAIN_TEST_SCALE says: "ci" (the default), "asan" (under a sanitizer, several times slower) or "long".
enum class TestScale { ci, asan, long_run };

// Ends the process if RAIN_TEST_SCALE says anything else.
inline TestScale CurrentTestScale() {
  static const TestScale scale = [] {
    const char* value = std::getenv("RAIN_TEST_SCALE");
    const std::string_view name = value == nullptr ? "ci" : value;
    if (name == "ci") return TestScale::ci;
    if (name == "asan") return TestScale::asan;
    if (name == "long") return TestScale::long_run;
    std::fprintf(stderr, "RAIN_TEST_SCALE=%s: must be ci, asan or long\n", value);
    std::abort();
  }();
  return scale;
}

// The amount (rounds, bytes, seeds) for the scale of this run. Thread: any.
inline int64_t Scaled(int64_t ci, int64_t asan, int64_t long_run) {
  switch (CurrentTestScale()) {
    case TestScale::asan:
      return asan;
    case TestScale::long_run:
      return long_run;
    case TestScale::ci:
      break;
  }
  return ci;
}

}  // namespace rain
