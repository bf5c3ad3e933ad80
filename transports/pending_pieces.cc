#include "listenrain/transports/pending_pieces.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace rain {

void PendingPieces::Append(Buffer piece) {
  if (piece.empty()) return;
  // Instead of growing, move up what is left: each piece moves at most as often as one was dropped.
  if (pieces_.size() == pieces_.capacity() && first_ > pieces_.size() / 2) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  bytes_ += piece.size();
  pieces_.push_back(std::move(piece));
}

size_t PendingPieces::Gather(absl::Span<iovec> vectors) const {
  size_t count = 0;
  for (size_t at = first_; at < pieces_.size() && count < vectors.size(); ++at, ++count) {
    vectors[count] = {const_cast<char*>(pieces_[at].data()), pieces_[at].size()};
  }
  return count;
}

size_t PendingPieces::Copy(absl::Span<char> to) const {
  size_t copied = 0;
  for (size_t at = first_; at < pieces_.size() && copied < to.size(); ++at) {
    const size_t count = std::min(pieces_[at].size(), to.size() - copied);
    std::memcpy(to.data() + copied, pieces_[at].data(), count);
    copied += count;
  }
  return copied;
}

void PendingPieces::Drop(size_t count) {
  bytes_ -= count;
  while (count > 0) {
    Buffer& piece = pieces_[first_];
    if (count < piece.size()) return piece.RemovePrefix(count);
    count -= piece.size();
    piece = Buffer();
    ++first_;
  }
  if (empty()) Clear();
}

void PendingPieces::Clear() {
  pieces_.clear();
  if (pieces_.capacity() > kKeptCapacity) pieces_.shrink_to_fit();
  first_ = bytes_ = 0;
}

}  // namespace rain
