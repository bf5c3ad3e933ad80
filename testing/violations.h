// What the conformance suites report.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace rain {

// One sentence for each thing that is wrong; empty if nothing is.
using Violations = std::vector<std::string>;

// One mistake shows in many places: eight are enough to see it.
inline constexpr size_t kEnoughViolations = 8;

// Adds the sentence made of the parts, unless there are enough.
template <typename... Parts>
void Report(Violations& violations, const Parts&... parts) {
  if (violations.size() < kEnoughViolations) violations.push_back(absl::StrCat(parts...));
}

// Bytes in memory of exactly their size, so that AddressSanitizer sees a step beyond; or, with `around`, between 64 bytes of
// that value on each side, so that a decoder's answer shows a look beyond, sanitizer or not.
class PlacedBytes {
 public:
  explicit PlacedBytes(absl::string_view bytes) : PlacedBytes(bytes, 0, 0) {}
  PlacedBytes(absl::string_view bytes, char around) : PlacedBytes(bytes, 64, around) {}

  char* data() { return memory_.get() + margin_; }
  size_t size() const { return size_; }

 private:
  PlacedBytes(absl::string_view bytes, size_t margin, char around)
      : margin_(margin), size_(bytes.size()), memory_(new char[margin + bytes.size() + margin]) {
    std::memset(memory_.get(), around, margin_);
    if (!bytes.empty()) std::memcpy(data(), bytes.data(), bytes.size());
    std::memset(data() + size_, around, margin_);
  }

  const size_t margin_;
  const size_t size_;
  const std::unique_ptr<char[]> memory_;
};

// The same numbers in every run (splitmix64).
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t mixed = (state_ += 0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  // Less than `bound`, which is not 0.
  size_t Below(size_t bound) { return static_cast<size_t>(Next() % bound); }
  char Byte() { return static_cast<char>(Next()); }

 private:
  uint64_t state_;
};

}  // namespace rain
