// CountedCopies: every call of memcpy and memmove, in whichever library, counted by size. A program that links this has its own
// in front of the C library's. What the compiler copies in place, a few bytes whose number it knows, is not seen.
#pragma once

namespace rain {

// Thread: one.
class CountedCopies {
 public:
  // From none.
  static void Begin();
  static void End();
  // "copies BYTES COUNT" for each size that occurred, to standard output.
  static void Print();
};

}  // namespace rain
