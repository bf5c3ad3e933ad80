#include "listenrain/framework/payload_writer.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

absl::Status Refused() {
  return absl::ResourceExhaustedError("the buffer pool refused a block: raise its max_bytes, or send less at once");
}

}  // namespace

PayloadWriter::PayloadWriter(BufferPool& pool, size_t max_bytes, size_t block_bytes, size_t headroom)
    : pool_(pool), max_bytes_(max_bytes), block_bytes_(block_bytes), headroom_(headroom) {}

void PayloadWriter::ForgetPieces() {
  closed_.clear();
  closed_bytes_ = referred_bytes_ = 0;
  origin_ = Buffer();
  moved_ = false;
}

absl::Status PayloadWriter::BeginAnew() {
  status_ = absl::OkStatus();
  ForgetPieces();
  if (!HasRoom()) {
    begun_at_ = block_.empty() ? 0 : OffsetOf(cursor_);  // for Rewind, should the pool refuse
    Buffer fresh = pool_.Allocate(std::max(block_bytes_, headroom_ + kReservedAtBegin));
    if (fresh.empty()) {
      start_ = end_ = cursor_;
      return status_ = Refused();
    }
    block_ = std::move(fresh);
    cursor_ = block_.mutable_data();
  }
  begun_at_ = OffsetOf(cursor_);
  OpenRegion(begun_at_ + headroom_);
  return absl::OkStatus();
}

void PayloadWriter::Rewind() {
  if (moved_) block_ = std::move(origin_);
  ForgetPieces();
  start_ = end_ = cursor_ = block_.empty() ? nullptr : block_.mutable_data() + begun_at_;
}

Payload PayloadWriter::Take() {
  assert(status_.ok());
  CloseRegion();
  begun_at_ = OffsetOf(cursor_);
  end_ = cursor_;
  Payload taken = std::exchange(closed_, Payload());
  ForgetPieces();
  return taken;
}

void PayloadWriter::CloseRegion() {
  const size_t front = closed_.empty() ? headroom_ : 0;
  const auto length = static_cast<size_t>(cursor_ - start_);
  if (length == 0 && front == 0) return;
  closed_.push_back(block_.Share(OffsetOf(start_) - front, front + length));
  closed_bytes_ += length;
  start_ = cursor_;
}

bool PayloadWriter::Grow(size_t count) {
  if (!status_.ok()) return false;
  if (count > max_bytes_ - size()) {
    status_ = absl::ResourceExhaustedError(
        absl::StrCat("the message needs more than ", max_bytes_, " bytes: raise limits.max_packet_bytes, or send less at once"));
    end_ = cursor_;
    return false;
  }
  // A payload of which nothing is written yet moves as a whole, so that its first piece has room for what is patched later.
  const bool untouched = closed_.empty() && cursor_ == start_;
  const size_t front = untouched ? headroom_ : 0;
  Buffer fresh = pool_.Allocate(std::max(front + count, block_bytes_));
  if (fresh.empty()) {
    status_ = Refused();
    end_ = cursor_;
    return false;
  }
  if (!untouched) CloseRegion();
  Buffer left = std::exchange(block_, std::move(fresh));
  if (!moved_) origin_ = std::move(left);
  moved_ = true;
  OpenRegion(front);
  return true;
}

void PayloadWriter::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = static_cast<size_t>(end_ - cursor_);
    const size_t now = room == 0 ? bytes.size() : std::min(room, bytes.size());
    const absl::Span<char> to = Reserve(now);
    if (to.empty()) return;
    std::memcpy(to.data(), bytes.data(), now);
    Commit(now);
    bytes.remove_prefix(now);
  }
}

void PayloadWriter::Append(Buffer bytes) {
  if (bytes.size() < kReferenceBytes) return Append(bytes.view());
  if (!status_.ok() || bytes.size() > max_bytes_ - size()) {
    Grow(bytes.size());
    return;
  }
  CloseRegion();
  closed_bytes_ += bytes.size();
  referred_bytes_ += bytes.size();
  closed_.push_back(std::move(bytes));
  OpenRegion(OffsetOf(cursor_));
}

}  // namespace rain
