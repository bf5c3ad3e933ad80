#include "listenrain/framework/output.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"

namespace rain {
namespace {

constexpr size_t kSmallestBlock = 1 << 10;
constexpr size_t kLargestBlock = 64 << 10;

}  // namespace

Output::Output(const PacketCodec& codec, BufferPool& pool, size_t max_packet_bytes)
    : PayloadWriter(pool, max_packet_bytes, WritePace().block_bytes, codec.traits().max_header),
      codec_(codec),
      traits_(codec.traits()),
      max_packet_bytes_(max_packet_bytes) {
  constexpr size_t kUsualPieces = 8;  // without an allocation, however packets lie in blocks
  ready_.reserve(kUsualPieces);
}

// Makes a piece of what lies in block_ from mark_ to `end`.
void Output::Emit(size_t end) {
  if (end > mark_) ready_.push_back(block_.Share(mark_, end - mark_));
  mark_ = end;
}

absl::Status Output::Begin() {
  if (HasRoom()) return PayloadWriter::Begin();
  if (!block_.empty()) Emit(OffsetOf(cursor_));
  absl::Status status = PayloadWriter::Begin();
  if (status.ok()) mark_ = 0;
  return status;
}

absl::Status Output::TooLarge(size_t packet) const {
  return absl::ResourceExhaustedError(absl::StrCat("a packet of ", packet, " bytes is over limits.max_packet_bytes, ",
                                                   max_packet_bytes_, ": raise it, or send less at once"));
}

absl::StatusOr<size_t> Output::EndPacket() {
  absl::StatusOr<size_t> packet =
      status_.ok() ? Guarded("the packet codec, encoding,", [this] { return has_pieces() ? EndPieces() : EndContiguous(); })
                   : absl::StatusOr<size_t>(status_);
  if (packet.ok()) {
    waiting_bytes_ += *packet;
    start_ = cursor_;
    if (has_pieces()) {
      waiting_by_reference_ += referred_bytes_;
      ForgetPieces();
    }
  } else {
    Rewind();
  }
  return packet;
}

// The usual case: header, payload and trailer lie in one block, behind the packet before.
absl::StatusOr<size_t> Output::EndContiguous() {
  const auto size = static_cast<size_t>(cursor_ - start_);
  const auto room = static_cast<size_t>(block_.data() + block_.size() - cursor_);
  if (room < traits_.max_trailer) {
    CloseRegion();
    return EndPieces();
  }
  const absl::Span<const char> payload(start_, size);
  const auto frame = codec_.EncodePacket({&payload, 1}, {start_ - headroom_, headroom_}, {cursor_, traits_.max_trailer});
  if (!frame.ok()) return frame.status();
  const size_t packet = frame->header + size + frame->trailer;
  if (packet > max_packet_bytes_) return TooLarge(packet);
  cursor_ += frame->trailer;
  if (const size_t gap = headroom_ - frame->header; gap > 0) {
    std::memmove(start_ - headroom_, start_ - frame->header, packet);
    cursor_ -= gap;
  }
  return packet;
}

// The payload has pieces by reference, or went on in another block.
absl::StatusOr<size_t> Output::EndPieces() {
  CloseRegion();
  absl::InlinedVector<absl::Span<const char>, 4> payload;
  for (const Buffer& piece : closed_) payload.emplace_back(piece.data(), piece.size());
  payload.front().remove_prefix(headroom_);
  absl::InlinedVector<char, 64> trailer(traits_.max_trailer);
  const auto frame = codec_.EncodePacket(payload, {closed_.front().mutable_data(), headroom_}, {trailer.data(), trailer.size()});
  if (!frame.ok()) return frame.status();
  const size_t packet = frame->header + closed_bytes_ + frame->trailer;
  if (packet > max_packet_bytes_) return TooLarge(packet);
  if (frame->trailer > 0) closed_.push_back(Buffer::Adopt(std::string(trailer.data(), frame->trailer)));
  closed_.front().RemovePrefix(headroom_ - frame->header);
  if (begun_at_ > mark_) ready_.push_back((moved_ ? origin_ : block_).Share(mark_, begun_at_ - mark_));
  for (Buffer& piece : closed_) {
    if (!piece.empty()) ready_.push_back(std::move(piece));
  }
  mark_ = OffsetOf(cursor_);
  return packet;
}

absl::StatusOr<size_t> Output::Append(Payload payload) {
  if (const absl::Status status = Begin(); !status.ok()) return status;
  for (Buffer& piece : payload) PayloadWriter::Append(std::move(piece));
  return EndPacket();
}

// The block goes with its last piece: it is dropped next.
absl::Span<const Buffer> Output::Ready() {
  if (!block_.empty() && OffsetOf(cursor_) > mark_) {
    block_.Truncate(OffsetOf(cursor_));
    block_.RemovePrefix(mark_);
    ready_.push_back(std::move(block_));
  }
  return ready_;
}

// The next block has room for twice as much as this turn wrote. It becomes smaller slowly: who writes by fits and starts should
// not have to go on in a second one.
void Output::Clear() {
  const size_t enough = std::clamp(2 * (waiting_bytes_ - waiting_by_reference_), kSmallestBlock, kLargestBlock);
  pace_->block_bytes = std::max(enough, pace_->block_bytes - pace_->block_bytes / 8);
  set_block_bytes(pace_->block_bytes);
  waiting_bytes_ = waiting_by_reference_ = 0;
  ready_.clear();
  DropBlock();
}

void Output::DropBlock() {
  block_ = Buffer();
  start_ = cursor_ = end_ = nullptr;
  mark_ = 0;
}

}  // namespace rain
