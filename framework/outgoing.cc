#include "listenrain/framework/outgoing.h"

#include <bit>
#include <utility>

namespace rain {

OutgoingPool::~OutgoingPool() {
  for (Chunk& chunk : chunks_) delete[] chunk.nodes.load(std::memory_order_relaxed);
}

Outgoing* OutgoingPool::Slot(size_t slot) const {
  const size_t shifted = slot + (size_t{1} << kFirstChunkLog);
  const auto log = static_cast<size_t>(std::bit_width(shifted)) - 1;
  if (log - kFirstChunkLog >= kChunks) return nullptr;
  Outgoing* nodes = chunks_[log - kFirstChunkLog].nodes.load(std::memory_order_acquire);
  return nodes == nullptr ? nullptr : nodes + (shifted - (size_t{1} << log));
}

Outgoing* OutgoingPool::Find(Token token) const {
  Outgoing* outgoing = Named(token);
  return outgoing != nullptr && outgoing->in_flight_at != nullptr ? outgoing : nullptr;
}

Outgoing* OutgoingPool::Named(Token token) const {
  Outgoing* outgoing = Slot(static_cast<uint32_t>(token));
  return outgoing != nullptr && outgoing->token == token ? outgoing : nullptr;
}

void OutgoingPool::Retire(Outgoing& outgoing) {
  outgoing.token += Token{1} << 32;
  if (outgoing.token >> 32 == 0) outgoing.token += Token{1} << 32;
}

// A new chunk's nodes, as a list.
Outgoing* OutgoingPool::Grow(bool outside) {
  const size_t count = ChunkSize(grown_);
  auto* nodes = new Outgoing[count];
  const size_t first_slot = count - (size_t{1} << kFirstChunkLog);
  for (size_t i = 0; i < count; ++i) {
    nodes[i].token = (Token{1} << 32) | (first_slot + i);
    nodes[i].outside = outside;
    nodes[i].next = i + 1 < count ? &nodes[i + 1] : nullptr;
  }
  chunks_[grown_++].nodes.store(nodes, std::memory_order_release);
  return nodes;
}

Outgoing& OutgoingPool::NewInLoop() {
  if (local_ == nullptr) {
    MutexLock lock(mutex_);
    local_ = returned_ != nullptr ? std::exchange(returned_, nullptr) : Grow(false);
  }
  Outgoing* outgoing = local_;
  local_ = std::exchange(outgoing->next, nullptr);
  return *outgoing;
}

Outgoing& OutgoingPool::New() {
  MutexLock lock(mutex_);
  if (outside_ == nullptr) outside_ = Grow(true);
  Outgoing* outgoing = outside_;
  outside_ = std::exchange(outgoing->next, nullptr);
  return *outgoing;
}

void OutgoingPool::Clean(Outgoing& outgoing) {
  if (outgoing.completion != nullptr && static_cast<void*>(outgoing.completion) == outgoing.room.data()) {
    outgoing.completion->~Completion();
  }
  outgoing.completion = nullptr;
  outgoing.payload.clear();
  outgoing.header = MessageHeader();
  outgoing.where = RunOn::executor;
  outgoing.stage = Stage::submitted;
  outgoing.idempotent = outgoing.wait_for_ready = false;
  outgoing.cancelled.store(false, std::memory_order_relaxed);
  outgoing.priority = 0;
  outgoing.sent_before = BytesSent::none;
  outgoing.size = outgoing.packet_bytes = outgoing.answered_bytes = 0;
  outgoing.channel = 0;
  outgoing.sent_end = 0;
  outgoing.charged = outgoing.waits = false;
  outgoing.deadline = Instant::Infinite();
  outgoing.owner = nullptr;
}

void OutgoingPool::RecycleInLoop(Outgoing& outgoing) {
  if (outgoing.outside) return Recycle(outgoing);
  Clean(outgoing);
  const Ref<PostBox> box = std::move(outgoing.box);  // may be what keeps this pool alive: dropped last
  outgoing.next = local_;
  local_ = &outgoing;
}

void OutgoingPool::Recycle(Outgoing& outgoing) {
  Clean(outgoing);
  const Ref<PostBox> box = std::move(outgoing.box);  // dropped after the lock
  MutexLock lock(mutex_);
  Outgoing*& home = outgoing.outside ? outside_ : returned_;
  outgoing.next = home;
  home = &outgoing;
}

}  // namespace rain
