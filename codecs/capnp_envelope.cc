#include "listenrain/codecs/capnp_envelope.h"

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/endian.h"
#include "listenrain/codecs/payload_cursor.h"

namespace rain::envelope {
namespace {

uint32_t Load32(const char* from) { return Load<uint32_t, ByteOrder::little>(from); }
uint64_t Load64(const char* from) { return Load<uint64_t, ByteOrder::little>(from); }

absl::Status CutShort() {
  return absl::InvalidArgumentError(
      "capnp codec: an envelope that is cut short: the peer speaks another codec, or its own is broken");
}

}  // namespace

bool IsCanonical(absl::string_view first, size_t size) {
  if (first.size() < kHeaderBytes || Load32(first.data() + kSegmentsAt) != 0) return false;
  const uint64_t root = Load64(first.data() + kRootAt);
  const size_t words = Load32(first.data() + kSegmentWordsAt);
  return (root == kRootPointer ? words >= kRootWords : root == kBarePointer && words >= kBareWords) && words <= kMaxWords &&
         size >= kRootAt + words * kWord;
}

bool IsPlain(absl::string_view first) {
  if (Load64(first.data() + kRootAt) == kBarePointer) return true;
  if (first.size() < kPlainEnd) return false;
  uint64_t any = 0;
  for (size_t at = kPointersAt; at < kPlainEnd; at += kWord) any |= Load64(first.data() + at);
  return any == 0;
}

absl::StatusOr<size_t> EndOf(const Payload& payload) {
  PayloadCursor cursor(payload);
  if (cursor.left() < kBegin + 4) return CutShort();
  std::string scratch;
  cursor.Skip(kBegin);
  const uint32_t more = Load32(cursor.Read(4, scratch).data());
  if (more >= kMaxSegments) {
    return absl::InvalidArgumentError(
        absl::StrCat("capnp codec: an envelope of ", uint64_t{more} + 1, " segments, where at most ", kMaxSegments, " are read"));
  }
  // The sizes are padded to a whole word.
  const size_t table = 4 + 4 * size_t{more} + (more % 2 == 0 ? 0 : 4);
  if (cursor.left() < table) return CutShort();
  const absl::string_view sizes = cursor.Read(table, scratch);
  uint64_t words = 0;
  for (uint32_t i = 0; i <= more; ++i) words += Load32(sizes.data() + 4 * size_t{i});
  if (words > kMaxWords) {
    return absl::InvalidArgumentError(absl::StrCat("capnp codec: an envelope of ", words * kWord, " bytes, where at most ",
                                                   kMaxWords * kWord, " are read: put large values in the body"));
  }
  if (cursor.left() < words * kWord) return CutShort();
  return cursor.read() + static_cast<size_t>(words) * kWord;
}

AlignedWords::AlignedWords(const Payload& payload, size_t end) {
  const size_t count = (end - kBegin) / kWord;
  const Buffer& first = payload.front();
  if (first.size() >= end && reinterpret_cast<uintptr_t>(first.data() + kBegin) % alignof(uint64_t) == 0) {
    words_ = {reinterpret_cast<const uint64_t*>(first.data() + kBegin), count};
    return;
  }
  uint64_t* to = small_;
  if (count > std::size(small_)) {
    large_.resize(count);
    to = large_.data();
  }
  PayloadCursor cursor(payload);
  cursor.Skip(kBegin);
  std::string scratch;
  std::memcpy(to, cursor.Read(end - kBegin, scratch).data(), end - kBegin);
  words_ = {to, count};
}

}  // namespace rain::envelope
