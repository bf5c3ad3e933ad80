// FuzzedBytes: what a fuzzer gave, read as decisions. For fuzz targets that do more than decode.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace rain {

// From the front to the back, so that a longer input begins as its beginning does. Once nothing is left every answer is the
// least one: 0, false, "". Borrows the bytes. Thread: one at a time.
class FuzzedBytes {
 public:
  explicit FuzzedBytes(absl::string_view bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  uint8_t Byte() {
    const absl::string_view byte = Take(1);
    return byte.empty() ? 0 : static_cast<uint8_t>(byte.front());
  }
  // Less than `bound`, which is 1 to 65536.
  size_t Below(size_t bound) {
    const size_t number = bound <= 256 ? Byte() : Byte() | size_t{Byte()} << 8;
    return number % bound;
  }
  bool Flip() { return (Byte() & 1) != 0; }
  // The next so many bytes, or what is left. Borrowed as the whole is.
  absl::string_view Take(size_t count) {
    const absl::string_view taken = left_.substr(0, count);
    left_.remove_prefix(taken.size());
    return taken;
  }
  // One of several values.
  template <class T, size_t N>
  const T& OneOf(const T (&values)[N]) {
    return values[Below(N)];
  }

 private:
  absl::string_view left_;
};

}  // namespace rain
