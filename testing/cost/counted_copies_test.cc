#include "listenrain/testing/cost/counted_copies_test.h"

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <iostream>

namespace {

constexpr size_t kSizes = size_t{1} << 17;  // a larger copy counts as so many of the largest

bool counting = false;
uint64_t copies[kSizes];

void* Copy(void* to, const void* from, size_t bytes) {
  using Move = void* (*)(void*, const void*, size_t);
  static Move real = nullptr;
  if (real == nullptr) real = reinterpret_cast<Move>(dlsym(RTLD_NEXT, "memmove"));
  if (counting && bytes > 0) {
    copies[kSizes - 1] += bytes / (kSizes - 1);
    if (bytes % (kSizes - 1) > 0) ++copies[bytes % (kSizes - 1)];
  }
  return real(to, from, bytes);
}

}  // namespace

extern "C" {
void* memcpy(void* to, const void* from, size_t bytes) { return Copy(to, from, bytes); }
void* memmove(void* to, const void* from, size_t bytes) { return Copy(to, from, bytes); }
}

namespace rain {

void CountedCopies::Begin() {
  for (uint64_t& count : copies) count = 0;
  counting = true;
}

void CountedCopies::End() { counting = false; }

void CountedCopies::Print() {
  for (size_t bytes = 1; bytes < kSizes; ++bytes) {
    if (copies[bytes] > 0) std::cout << "copies " << bytes << ' ' << copies[bytes] << '\n';
  }
}

}  // namespace rain
