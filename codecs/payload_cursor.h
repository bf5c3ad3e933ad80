// PayloadCursor: reads a payload's front, piece after piece, for codecs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "listenrain/framework/buffer.h"

namespace rain {

// Borrows the payload. Thread: one at a time.
class PayloadCursor {
 public:
  explicit PayloadCursor(const Payload& payload) : payload_(payload), left_(SizeOf(payload)) {}

  // Bytes not read yet, and read so far.
  size_t left() const { return left_; }
  size_t read() const { return read_; }

  // Passes over at most left() bytes.
  void Skip(size_t count) {
    left_ -= count;
    read_ += count;
    while (piece_ < payload_.size() && count >= payload_[piece_].size() - offset_) {
      count -= payload_[piece_].size() - offset_;
      offset_ = 0;
      ++piece_;
    }
    offset_ += count;
  }

  // The next `count` bytes, at most left(): a view of the payload where they lie in one piece, else of `scratch`.
  absl::string_view Read(size_t count, std::string& scratch) {
    if (count == 0) return {};
    if (count <= payload_[piece_].size() - offset_) {
      const absl::string_view bytes(payload_[piece_].data() + offset_, count);
      Skip(count);
      return bytes;
    }
    scratch.clear();
    scratch.reserve(count);
    while (scratch.size() < count) {
      const size_t now = std::min(count - scratch.size(), payload_[piece_].size() - offset_);
      scratch.append(payload_[piece_].data() + offset_, now);
      Skip(now);
    }
    return scratch;
  }

 private:
  const Payload& payload_;
  size_t piece_ = 0;
  size_t offset_ = 0;  // in the piece; always before its end, once all empty pieces are passed
  size_t left_;
  size_t read_ = 0;
};

}  // namespace rain
