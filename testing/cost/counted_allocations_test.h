// CountedAllocations: every call of malloc and its kin, in whichever library, counted. A program that links this has its own
// malloc in front of the C library's.
#pragma once

#include <cstdint>

namespace rain {

// Of all threads. Counts nothing under a sanitizer, which has an allocator of its own. Thread: any.
class CountedAllocations {
 public:
  // From none.
  static void Begin();
  static void End();
  static uint64_t count();
  static uint64_t bytes();
  // The stack of the first one counted, if any, to standard error: it says where to look.
  static void PrintFirst();
};

}  // namespace rain
