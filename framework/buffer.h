// Buffer: move-only bytes with the duty to release them. Slices share one block; the block goes home to its pool, on whichever
// thread its last slice ends.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/rare_ptr.h"

namespace rain {

struct Block;

// Where a block goes when its last slice ends. Thread: any.
class BlockHome {
 public:
  virtual void Release(Block* block) noexcept = 0;

 protected:
  ~BlockHome() = default;
};

// Memory shared by slices. Made by a BlockHome's owner with one reference.
struct Block {
  Atomic<uint32_t> references{1};
  BlockHome* home = nullptr;
  char* data = nullptr;
  size_t capacity = 0;
  Block* next = nullptr;  // for the home's own lists, while it is at home
};

// Thread: one at a time for one Buffer; slices of one block may live on different threads.
class Buffer {
 public:
  Buffer() = default;
  // Takes over the block's first reference.
  Buffer(Block* block, size_t size) : block_(block), data_(block->data), size_(size) { assert(size <= block->capacity); }
  Buffer(Buffer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      Drop();
      block_ = std::exchange(other.block_, nullptr);
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { Drop(); }

  // Takes the string's bytes without copying them.
  static Buffer Adopt(std::string bytes);
  // Bytes that outlive every use of the buffer, such as literals. Not copied, never released.
  static Buffer Static(absl::string_view bytes);

  const char* data() const { return data_; }
  // For writing: only bytes that no other slice covers.
  char* mutable_data() { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  absl::string_view view() const { return {data_, size_}; }
  // True if no other slice shares the block: then all its bytes may be written.
  bool unique() const { return block_ != nullptr && block_->references.load(std::memory_order_acquire) == 1; }
  // Bytes of the block that this slice keeps in memory.
  size_t pinned() const { return block_ == nullptr ? 0 : block_->capacity; }

  // Another slice of the same block.
  Buffer Share() const { return Share(0, size_); }
  Buffer Share(size_t offset, size_t length) const {
    assert(offset + length <= size_);
    Buffer slice;
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
    slice.block_ = block_;
    slice.data_ = data_ + offset;
    slice.size_ = length;
    return slice;
  }
  // If `next` follows right behind in the same block, this slice grows over it, and `next` becomes empty.
  bool Join(Buffer& next) {
    if (block_ == nullptr || next.block_ != block_ || data_ + size_ != next.data_) return false;
    size_ += next.size_;
    next = Buffer();
    return true;
  }
  void RemovePrefix(size_t count) {
    assert(count <= size_);
    data_ += count;
    size_ -= count;
  }
  void Truncate(size_t size) {
    assert(size <= size_);
    size_ = size;
  }

 private:
  friend class Slicer;
  void Drop() noexcept {
    if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) block_->home->Release(block_);
  }

  Block* block_ = nullptr;
  char* data_ = nullptr;
  size_t size_ = 0;
};

// Cuts slices off a buffer's front, and takes the references that they need many at a time. Thread: one at a time.
class Slicer {
 public:
  explicit Slicer(Buffer rest) : rest_(std::move(rest)), block_(rest_.block_) {}
  Slicer(const Slicer&) = delete;
  Slicer& operator=(const Slicer&) = delete;
  ~Slicer() {
    if (spare_ > 0 && block_->references.fetch_sub(spare_, std::memory_order_acq_rel) == spare_) block_->home->Release(block_);
  }

  // What is left.
  Buffer& rest() { return rest_; }
  // Drops the first `total` bytes, and gives `length` of them from `offset` on.
  Buffer Cut(size_t total, size_t offset, size_t length) {
    assert(total > 0 && total <= rest_.size_ && offset + length <= total);
    Buffer slice;
    if (total == rest_.size_ && spare_ == 0) {  // the last slice takes the buffer's own reference
      slice = std::move(rest_);
      slice.data_ += offset;
      slice.size_ = length;
      return slice;
    }
    if (spare_ == 0 && block_ != nullptr) {
      spare_ = static_cast<uint32_t>(rest_.size_ / total);
      block_->references.fetch_add(spare_, std::memory_order_relaxed);
    }
    if (block_ != nullptr) --spare_;
    slice.block_ = block_;
    slice.data_ = rest_.data_ + offset;
    slice.size_ = length;
    rest_.RemovePrefix(total);
    return slice;
  }

 private:
  Buffer rest_;
  Block* const block_;
  uint32_t spare_ = 0;
};

// Pieces of one packet's payload, in order, contiguous as an array. Two lie in the object itself, which moves cheaply.
class Payload {
 public:
  Payload() = default;
  explicit Payload(Buffer only) : first_{std::move(only), Buffer()}, size_(1) {}
  Payload(Payload&& other) noexcept
      : first_{std::move(other.first_[0]), Buffer()}, size_(other.size_), all_(std::move(other.all_)) {
    if (size_ > 1) first_[1] = std::move(other.first_[1]);
    other.size_ = 0;
  }
  Payload& operator=(Payload&& other) noexcept {
    first_[0] = std::move(other.first_[0]);
    if (size_ > 1 || other.size_ > 1) first_[1] = std::move(other.first_[1]);
    size_ = std::exchange(other.size_, 0);
    all_ = std::move(other.all_);
    return *this;
  }
  ~Payload() = default;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Buffer* begin() { return all_ == nullptr ? first_ : all_->data(); }
  Buffer* end() { return begin() + size_; }
  const Buffer* begin() const { return all_ == nullptr ? first_ : all_->data(); }
  const Buffer* end() const { return begin() + size_; }
  Buffer& operator[](size_t index) { return begin()[index]; }
  const Buffer& operator[](size_t index) const { return begin()[index]; }
  Buffer& front() { return *begin(); }
  const Buffer& front() const { return *begin(); }
  Buffer& back() { return begin()[size_ - 1]; }
  const Buffer& back() const { return begin()[size_ - 1]; }

  void push_back(Buffer piece) {
    if (size_ < kInline && all_ == nullptr) {
      first_[size_++] = std::move(piece);
    } else {
      PushBeyond(std::move(piece));
    }
  }
  void pop_back() { DropBack(1); }
  void clear() {
    if (size_ > 0) DropBack(size_);
  }
  void DropFront(size_t count);
  void DropBack(size_t count);

 private:
  static constexpr size_t kInline = 2;
  void PushBeyond(Buffer piece);

  Buffer first_[kInline];
  size_t size_ = 0;
  RarePtr<std::vector<Buffer>> all_;  // if ever there were more than two: every piece
};

// All pieces, one after another: how many bytes, and which.
inline size_t SizeOf(const Payload& payload) {
  size_t size = 0;
  for (const Buffer& piece : payload) size += piece.size();
  return size;
}
std::string ToString(const Payload& payload);
// Slices of the same blocks.
Payload Share(const Payload& payload);
// Drops `count` bytes from the front; pieces that become empty go, but for the last.
void RemovePrefixOfPieces(Payload& payload, size_t count);
inline void RemovePrefix(Payload& payload, size_t count) {
  if (payload.size() == 1) return payload.front().RemovePrefix(count);
  RemovePrefixOfPieces(payload, count);
}
// Drops `count` bytes from the back; pieces that become empty go, but for the first.
void RemoveSuffix(Payload& payload, size_t count);

// Gives blocks, and may refuse. Pluggable: a program's own allocator stands behind it. Thread: any. Blocks may outlive it.
class BufferPool {
 public:
  virtual ~BufferPool() = default;
  // A unique buffer of exactly `size` bytes with unspecified contents; an empty one when the pool refuses.
  virtual Buffer Allocate(size_t size) = 0;
  // Bytes of the blocks that are not at home; exact while none comes or goes.
  virtual size_t bytes_in_use() const = 0;
  // Gives back what was idle for the last second, but for a little. True if it shall be asked again in a second.
  virtual bool Trim(Instant now) = 0;
};

// A program's own source of memory (ListenRain's allocation hook). Thread: any.
class BlockAllocator {
 public:
  virtual ~BlockAllocator() = default;
  // Aligned as by malloc. Null refuses.
  virtual void* Allocate(size_t bytes) = 0;
  virtual void Free(void* memory, size_t bytes) noexcept = 0;
};

struct BufferPoolOptions {
  size_t max_bytes = SIZE_MAX;                // of blocks in use and idle ones; Allocate frees idle ones, then refuses
  size_t max_idle_bytes = 64 << 20;           // blocks at home beyond it are given back to the allocator
  std::shared_ptr<BlockAllocator> allocator;  // null: operator new
};

// Keeps idle blocks by size, to give them again.
std::shared_ptr<BufferPool> NewBufferPool(const BufferPoolOptions& options = {});

}  // namespace rain
