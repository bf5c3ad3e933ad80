// The bytes of a Cap'n Proto envelope in a payload: where it lies, and its canonical layout, which is read and patched in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"

namespace rain::envelope {

// Canonical: one segment that begins with the root struct, with the data of the schema's size, and its pointers or none. All
// envelopes that are built here are; a peer's need not be. Offsets from the payload's first byte; Cap'n Proto's own bytes are
// little-endian.
inline constexpr size_t kBegin = 4;  // after version, kind and flags
inline constexpr size_t kWord = 8;
inline constexpr size_t kSegmentsAt = kBegin;          // number of segments, less one
inline constexpr size_t kSegmentWordsAt = kBegin + 4;  // size of the first
inline constexpr size_t kRootAt = kBegin + 8;          // pointer to the root struct
inline constexpr size_t kIdAt = kRootAt + kWord;
inline constexpr size_t kMethodAt = kIdAt + 8;
inline constexpr size_t kRemainingAt = kMethodAt + 8;
inline constexpr size_t kPointersAt = kRemainingAt + 8;  // after the status code and three bytes of nothing
inline constexpr size_t kHeaderBytes = kPointersAt;
inline constexpr size_t kBareWords = 4;                            // the root's pointer, 3 words of data
inline constexpr size_t kRootWords = kBareWords + 4;               // and 4 pointers
inline constexpr size_t kPlainEnd = kRootAt + kRootWords * kWord;  // of an envelope whose pointers are all null
inline constexpr uint64_t kBarePointer = 0x0000'0003'0000'0000;    // the root, right behind: 3 words of data
inline constexpr uint64_t kRootPointer = 0x0004'0003'0000'0000;    // and 4 pointers
inline constexpr size_t kMaxWords = (256 << 10) / kWord;           // of all segments together
inline constexpr uint32_t kMaxSegments = 64;

// True if the payload's first piece begins with a canonical envelope, at least to its pointers, and `size`, the payload's, holds
// all of it. Never reads beyond the piece.
bool IsCanonical(absl::string_view first, size_t size);
// Of a canonical one: true if the piece shows that it has no pointers, or none but null.
bool IsPlain(absl::string_view first);

// Where the body begins. Errors: INVALID_ARGUMENT if the payload ends before, or the envelope is too large.
absl::StatusOr<size_t> EndOf(const Payload& payload);

// An envelope's words at an address that Cap'n Proto accepts: in place where it lies aligned in one piece, else copied.
class AlignedWords {
 public:
  // `end` is what EndOf said. Borrows the payload.
  AlignedWords(const Payload& payload, size_t end);
  AlignedWords(const AlignedWords&) = delete;
  AlignedWords& operator=(const AlignedWords&) = delete;

  absl::Span<const uint64_t> words() const { return words_; }

 private:
  uint64_t small_[64];
  std::vector<uint64_t> large_;
  absl::Span<const uint64_t> words_;
};

}  // namespace rain::envelope
