#include "listenrain/framework/packet_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

constexpr size_t kSmallestRead = 4 << 10;
// Not more, so that both sides of a busy channel work at the same time: what one read brings is answered while the next is
// on its way.
constexpr size_t kLargestRead = 32 << 10;
// But packets of medium size would then be read by ones and twos.
constexpr size_t kMediumPacketBytes = 2 << 10;
constexpr size_t kLargestReadOfMedium = 128 << 10;
// Nor is more than a part of what is awaited read, or dealt with, at once, if that is many packets: then what the first part
// leads to is at the peer while the second is read, and neither side waits for the other to be done with all. Who has to be woken
// needs smaller parts to bridge that, and needs them of larger packets too.
constexpr size_t kManyPackets = 32;
constexpr size_t kManyMediumPackets = 4;
constexpr size_t kPartsOfTheWakeful = 2;
constexpr size_t kParts = 3;
constexpr size_t kPartsOfMedium = 4;
constexpr size_t kSmallestPart = 1 << 10;
// But not if all that room is full again and again: more comes than was awaited.
constexpr int kFullReads = 8;

}  // namespace

PacketReader::PacketReader(const PacketCodec& codec, BufferPool& pool, const Options& options)
    : codec_(codec), pool_(pool), options_(options) {}

absl::Status PacketReader::Refused() const {
  return absl::ResourceExhaustedError("the buffer pool refused a block to read into: raise its max_bytes, or use smaller limits");
}

// True if the packet that begins in kept_ goes on in a block of its own.
bool PacketReader::StartsLarge() const {
  return shape_.exact && shape_.total >= kLargePacketBytes && kept_.size() >= shape_.header + options_.header_bytes;
}

// Free bytes behind kept_ in the block given last.
size_t PacketReader::TailRoom() const {
  const char* from = kept_.data() + kept_.size();
  if (block_.empty() || from < block_.data() || from > block_.data() + block_.size()) return 0;
  return block_.size() - static_cast<size_t>(from - block_.data());
}

// Copies kept_ to the start of a new block.
bool PacketReader::MoveKept(size_t capacity) {
  Buffer fresh = pool_.Allocate(capacity);
  if (fresh.empty()) return false;
  std::memcpy(fresh.mutable_data(), kept_.data(), kept_.size());
  kept_ = fresh.Share(0, kept_.size());
  block_ = std::move(fresh);
  return true;
}

bool PacketReader::ReadsMedium() const {
  return pace_->packet_bytes >= kMediumPacketBytes && pace_->packet_bytes < kLargePacketBytes;
}

void PacketReader::Trim() {
  const size_t enough = std::max(kept_.size(), kSmallestRead);
  if (!kept_.empty() && rest_.empty() && kept_.pinned() > 2 * enough) (void)MoveKept(enough);  // else it stays where it is
}

bool PacketReader::ReadsInParts(size_t awaited, bool wakeful) const {
  if (pace_->full_reads == kFullReads) return false;
  return ReadsMedium() ? !wakeful && awaited >= kManyMediumPackets : awaited >= kManyPackets;
}

size_t PacketReader::PartSize(size_t bytes, size_t awaited, bool wakeful) const {
  if (bytes <= kSmallestPart || !ReadsInParts(awaited, wakeful)) return bytes;
  const size_t parts = wakeful ? kPartsOfTheWakeful : ReadsMedium() ? kPartsOfMedium : kParts;
  return std::min(bytes, std::max((awaited + parts - 1) / parts * pace_->packet_bytes, kSmallestPart));
}

size_t PacketReader::ReadSize(size_t awaited, bool wakeful) const {
  const size_t size = PartSize(pace_->read_bytes, awaited, wakeful);
  if (!ReadsMedium()) return std::min(size, kLargestRead);
  return size < pace_->packet_bytes ? size : size - size % pace_->packet_bytes;  // whole ones, none of which has to be moved
}

Buffer PacketReader::ReadBuffer(size_t awaited, bool wakeful) {
  Buffer room = RoomOf(ReadSize(awaited, wakeful));
  room_ = room.size();
  return room;
}

Buffer PacketReader::RoomOf(size_t size) {
  if (!rest_.empty()) return rest_.Share(rest_filled_, rest_.size() - rest_filled_);
  if (kept_.empty()) {
    block_ = pool_.Allocate(size);
    return block_.empty() ? Buffer() : block_.Share();
  }
  if (StartsLarge()) {
    rest_ = pool_.Allocate(shape_.total - kept_.size());
    rest_filled_ = 0;
    return rest_.empty() ? Buffer() : rest_.Share();
  }
  const bool small = shape_.exact && shape_.total < kLargePacketBytes;
  const size_t missing = small ? shape_.total - kept_.size() : 1;
  if (TailRoom() < missing && !MoveKept(std::max(small ? shape_.total : kept_.size() * 2, size))) return {};
  const auto used = static_cast<size_t>(kept_.data() + kept_.size() - block_.data());
  return block_.Share(used, block_.size() - used);
}

absl::Status PacketReader::Consume(Buffer bytes, PacketSink& sink) {
  stopped_ = false;
  packets_ = delivered_bytes_ = 0;
  const size_t came = bytes.size();
  pace_->full_reads = came < std::exchange(room_, SIZE_MAX) ? 0 : std::min(pace_->full_reads + 1, kFullReads);
  if (came + pace_->packet_bytes > pace_->read_bytes) {
    pace_->read_bytes = std::min(pace_->read_bytes * 4, ReadsMedium() ? kLargestReadOfMedium : kLargestRead);
  } else if (came < pace_->read_bytes / 8) {
    pace_->read_bytes = std::max(pace_->read_bytes / 2, kSmallestRead);
  }
  absl::Status status;
  if (!rest_.empty()) status = FillRest(bytes, sink);
  if (status.ok() && !kept_.empty() && rest_.empty() && !bytes.empty()) {
    if (kept_.Join(bytes)) {
      bytes = std::exchange(kept_, Buffer());
    } else {
      status = Splice(bytes, sink);
    }
  }
  if (status.ok() && !bytes.empty() && !stopped_) status = Cut(std::move(bytes), sink);
  if (kept_.empty()) block_ = Buffer();
  if (packets_ > 0) pace_->packet_bytes = delivered_bytes_ / packets_;
  return refused_ ? Refused() : status;
}

// Part of a large packet came: into rest_ itself, or in the channel's own buffer.
absl::Status PacketReader::FillRest(Buffer& bytes, PacketSink& sink) {
  char* const to = rest_.mutable_data() + rest_filled_;
  const size_t now = std::min(bytes.size(), rest_.size() - rest_filled_);
  if (bytes.data() != to) std::memcpy(to, bytes.data(), now);
  bytes.RemovePrefix(now);
  rest_filled_ += now;
  if (rest_filled_ < rest_.size()) return absl::OkStatus();
  Payload packet(std::exchange(kept_, Buffer()));
  packet.push_back(std::exchange(rest_, Buffer()));
  DeliverPieces(std::move(packet), sink);
  return absl::OkStatus();
}

// More of the packet in kept_ came in another block. Leaves in `bytes` what is to be cut on.
absl::Status PacketReader::Splice(Buffer& bytes, PacketSink& sink) {
  const size_t missing = shape_.total > kept_.size() ? shape_.total - kept_.size() : 0;
  if (StartsLarge()) {
    if (bytes.size() >= missing) {
      Payload packet(std::exchange(kept_, Buffer()));
      if (bytes.size() == missing) {
        packet.push_back(std::exchange(bytes, Buffer()));
      } else {
        packet.push_back(bytes.Share(0, missing));
        bytes.RemovePrefix(missing);
      }
      DeliverPieces(std::move(packet), sink);
      return absl::OkStatus();
    }
    rest_ = pool_.Allocate(missing);
    rest_filled_ = 0;
    return rest_.empty() ? Refused() : FillRest(bytes, sink);
  }
  // Glue together as little as completes the packet, or shows more of it.
  const bool completes = shape_.exact && shape_.total < kLargePacketBytes && bytes.size() >= missing;
  const size_t taken = completes ? missing : bytes.size();
  const size_t room = shape_.exact && shape_.total < kLargePacketBytes ? shape_.total : (kept_.size() + taken) * 2;
  const size_t before = kept_.size();
  if (!MoveKept(std::max(room, before + taken))) return Refused();
  std::memcpy(block_.mutable_data() + before, bytes.data(), taken);
  bytes.RemovePrefix(taken);
  Buffer glued = block_.Share(0, before + taken);
  kept_ = Buffer();
  if (bytes.empty()) {
    bytes = std::move(glued);
    return absl::OkStatus();
  }
  return Cut(std::move(glued), sink);
}

absl::Status PacketReader::Cut(Buffer bytes, PacketSink& sink) {
  Slicer slicer(std::move(bytes));
  while (!slicer.rest().empty()) {
    Buffer& left = slicer.rest();
    const absl::StatusOr<PacketShape> shape = codec_.DecodePacket({left.data(), left.size()}, scan_);
    if (!shape.ok()) return shape.status();
    const bool complete = shape->total <= left.size();
    const bool overlaps = shape->exact && (shape->header > shape->total || shape->trailer > shape->total - shape->header);
    if (shape->total == 0 || overlaps || (complete && !shape->exact)) {
      return absl::DataLossError(absl::StrCat("the packet codec found an impossible packet: total ", shape->total, ", header ",
                                              shape->header, ", trailer ", shape->trailer, " bytes"));
    }
    if (shape->total > options_.max_packet_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a packet of ", shape->total, " bytes or more is over limits.max_packet_bytes, ",
                       options_.max_packet_bytes, ": raise it, or let the peer send less at once"));
    }
    if (!complete) {
      shape_ = *shape;
      kept_ = std::move(left);
      return absl::OkStatus();
    }
    const size_t total = shape->total;
    Payload packet(slicer.Cut(total, shape->header, total - shape->header - shape->trailer));
    if (!Deliver(std::move(packet), total, sink)) return absl::OkStatus();
  }
  return absl::OkStatus();
}

// A large packet of the shape shape_, in pieces.
void PacketReader::DeliverPieces(Payload packet, PacketSink& sink) {
  RemoveSuffix(packet, shape_.trailer);
  RemovePrefix(packet, shape_.header);
  Deliver(std::move(packet), shape_.total, sink);
}

bool PacketReader::Deliver(Payload&& packet, size_t bytes, PacketSink& sink) {
  scan_ = ScanState();
  ++packets_;
  delivered_bytes_ += bytes;
  if (options_.alignment > 1 && reinterpret_cast<uintptr_t>(packet.front().data()) % options_.alignment != 0) {
    Buffer aligned = pool_.Allocate(packet.front().size());
    if (aligned.empty() && !packet.front().empty()) {
      refused_ = stopped_ = true;
      return false;
    }
    std::memcpy(aligned.mutable_data(), packet.front().data(), packet.front().size());
    packet.front() = std::move(aligned);
  }
  if (sink.OnPacket(std::move(packet))) return true;
  stopped_ = true;
  return false;
}

}  // namespace rain
