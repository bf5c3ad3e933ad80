// PendingPieces: what a channel was given to write and could not yet: a queue of shared buffers that reuses its memory.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"

struct iovec;  // of <sys/uio.h>

namespace rain {

// Thread: one at a time.
class PendingPieces {
 public:
  bool empty() const { return first_ == pieces_.size(); }
  size_t bytes() const { return bytes_; }

  void Append(Buffer piece);
  // Fills `vectors` from the front; returns how many were filled.
  size_t Gather(absl::Span<iovec> vectors) const;
  // Copies from the front; returns how many bytes.
  size_t Copy(absl::Span<char> to) const;
  // Drops `count` bytes from the front.
  void Drop(size_t count);
  void Clear();

 private:
  static constexpr size_t kKeptCapacity = 256;  // pieces: what an idle channel keeps

  std::vector<Buffer> pieces_;
  size_t first_ = 0;
  size_t bytes_ = 0;
};

}  // namespace rain
