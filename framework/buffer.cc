#include "listenrain/framework/buffer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <new>

#include "listenrain/framework/atomic.h"
#include "listenrain/framework/mutex.h"

namespace rain {
namespace {

// A string's bytes, with the block's header beside it.
class StringHome final : public BlockHome {
 public:
  struct StringBlock : Block {
    std::string bytes;
  };
  Block* Wrap(std::string bytes) {
    auto* block = new StringBlock;
    block->home = this;
    block->bytes = std::move(bytes);
    block->data = block->bytes.data();
    block->capacity = block->bytes.size();
    return block;
  }
  void Release(Block* block) noexcept override { delete static_cast<StringBlock*>(block); }
};

// A place for one idle block, to which no lock leads. Thread: any.
class BlockSlot {
 public:
  // Null: there is none.
  Block* Take() {
    return block_.load(std::memory_order_relaxed) == nullptr ? nullptr : block_.exchange(nullptr, std::memory_order_acquire);
  }
  // False: the place is taken, or closed. If true, who empties it may have ended all of this.
  bool Put(Block* block) {
    Block* none = nullptr;
    return block_.load(std::memory_order_relaxed) == nullptr &&
           block_.compare_exchange_strong(none, block, std::memory_order_release);
  }
  // The last one taken. Nothing is put here any more.
  Block* Close() { return block_.exchange(reinterpret_cast<Block*>(this), std::memory_order_acquire); }
  bool empty() const { return block_.load(std::memory_order_relaxed) == nullptr; }

 private:
  Atomic<Block*> block_{nullptr};
};

// Free lists by size class behind one mutex: blocks come home from every thread. In front of them a slot for one block of each
// small size, so that who needs one at a time takes no lock; but not where bytes are scarce, and have to be counted exactly.
// Lives until the pool has ended and its last block is home: whoever leaves last deletes it.
class PoolHome final : public BlockHome {
 public:
  explicit PoolHome(const BufferPoolOptions& options)
      : options_(options),
        has_slots_(options.max_bytes == SIZE_MAX && options.max_idle_bytes >= 4 * kBytesInSlots),
        most_in_lists_(options.max_idle_bytes - (has_slots_ ? kBytesInSlots : 0)) {}

  Buffer Allocate(size_t size);
  void Release(Block* block) noexcept override;
  void Orphan();
  size_t bytes_in_use();
  bool Trim(Instant now);

 private:
  static constexpr size_t kSmallestLog = 8;  // 256 bytes
  static constexpr size_t kClasses = 13;     // to 1 MiB; larger blocks are made to measure and never kept
  static constexpr size_t kHeader = (sizeof(Block) + 15) & ~size_t{15};
  static size_t ClassOf(size_t size) {
    return size <= (size_t{1} << kSmallestLog) ? 0 : static_cast<size_t>(std::bit_width(size - 1)) - kSmallestLog;
  }
  static size_t CapacityOf(size_t size, size_t size_class) {
    return size_class < kClasses ? size_t{1} << (kSmallestLog + size_class) : size;
  }
  static constexpr size_t kSlots = 10;  // of 256 bytes to 128 KiB
  static constexpr size_t kBytesInSlots = (size_t{1} << (kSmallestLog + kSlots)) - (size_t{1} << kSmallestLog);
  // What Trim leaves, so that a service of little traffic has its blocks at hand.
  static constexpr size_t kAlwaysKept = 1 << 20;
  static constexpr size_t kTrimmedAtOnce = 8192;  // blocks: a loop waits for that
  // Blocks of one size at home: the one that came last is given first.
  struct IdleBlocks {
    Block* first = nullptr;
    size_t count = 0;
    size_t least = 0;  // that there were since the second began

    Block* Pop() {
      least = std::min(least, --count);
      return std::exchange(first, first->next);
    }
    void Push(Block* block) {
      ++count;
      block->next = std::exchange(first, block);
    }
  };
  Block* PopIdle(IdleBlocks& from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Block* block = from.Pop();
    idle_bytes_ -= block->capacity;
    return block;
  }
  static Buffer Give(Block* block, size_t size) {
    block->references.store(1, std::memory_order_relaxed);
    return Buffer(block, size);
  }
  void PutAway(Block* block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  size_t bytes_in_slots() const;
  Buffer TakeIdle(size_t size_class, size_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Block* TakeSurplus(size_t room) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void* Obtain(size_t bytes);
  void GiveBack(Block* block) noexcept;
  void GiveBackAll(Block* list) noexcept;
  void Leave(size_t used_bytes) noexcept;
  ~PoolHome() = default;

  const BufferPoolOptions options_;
  const bool has_slots_;                 // else they stay empty
  const size_t most_in_lists_;           // bytes
  std::array<BlockSlot, kSlots> slots_;  // what lies in them counts as in use with what the lock guards
  Mutex mutex_;
  std::array<IdleBlocks, kClasses> idle_ ABSL_GUARDED_BY(mutex_);
  Instant second_ ABSL_GUARDED_BY(mutex_);  // of Trim: when the present one began
  size_t idle_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t used_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t users_ ABSL_GUARDED_BY(mutex_) = 1;  // the pool, and each block that is not in a list
  bool orphaned_ ABSL_GUARDED_BY(mutex_) = false;
};

void* PoolHome::Obtain(size_t bytes) {
  return options_.allocator != nullptr ? options_.allocator->Allocate(bytes) : ::operator new(bytes, std::nothrow);
}

void PoolHome::GiveBack(Block* block) noexcept {
  const size_t bytes = kHeader + block->capacity;
  block->~Block();
  if (options_.allocator != nullptr) {
    options_.allocator->Free(block, bytes);
  } else {
    ::operator delete(static_cast<void*>(block));
  }
}

void PoolHome::GiveBackAll(Block* list) noexcept {
  while (list != nullptr) GiveBack(std::exchange(list, list->next));
}

// The last thing that its caller does here.
void PoolHome::Leave(size_t used_bytes) noexcept {
  bool last = false;
  {
    MutexLock lock(mutex_);
    used_bytes_ -= used_bytes;
    last = --users_ == 0;
  }
  if (last) delete this;
}

Buffer PoolHome::TakeIdle(size_t size_class, size_t size) {
  Block* block = PopIdle(idle_[size_class]);
  used_bytes_ += block->capacity;
  ++users_;
  return Give(block, size);
}

// Into its list. It is not the last user: the pool is there.
void PoolHome::PutAway(Block* block) {
  idle_[ClassOf(block->capacity)].Push(block);
  idle_bytes_ += block->capacity;
  used_bytes_ -= block->capacity;
  --users_;
}

// A list of idle blocks, the largest first, without which `room` more bytes are within max_bytes; as many as there are, if not.
Block* PoolHome::TakeSurplus(size_t room) {
  Block* surplus = nullptr;
  for (size_t size_class = kClasses; size_class-- > 0;) {
    IdleBlocks& idle = idle_[size_class];
    while (idle.count > 0 && used_bytes_ + idle_bytes_ + room > options_.max_bytes) {
      Block* block = PopIdle(idle);
      block->next = std::exchange(surplus, block);
    }
  }
  return surplus;
}

Buffer PoolHome::Allocate(size_t size) {
  if (size > SIZE_MAX / 4) return {};
  const size_t size_class = ClassOf(size);
  if (size_class < kSlots) {
    if (Block* block = slots_[size_class].Take()) return Give(block, size);
  }
  const size_t capacity = CapacityOf(size, size_class);
  Block* surplus = nullptr;
  {
    MutexLock lock(mutex_);
    if (size_class < kClasses && idle_[size_class].count > 0) return TakeIdle(size_class, size);
    if (capacity > options_.max_bytes || used_bytes_ > options_.max_bytes - capacity) return {};
    surplus = TakeSurplus(capacity);
    used_bytes_ += capacity;
    ++users_;
  }
  GiveBackAll(surplus);
  void* memory = Obtain(kHeader + capacity);
  if (memory == nullptr) {
    Leave(capacity);
    return {};
  }
  auto* block = new (memory) Block;
  block->home = this;
  block->data = static_cast<char*>(memory) + kHeader;
  block->capacity = capacity;
  return Buffer(block, size);
}

void PoolHome::Release(Block* block) noexcept {
  const size_t capacity = block->capacity;
  const size_t size_class = ClassOf(capacity);
  if (has_slots_ && size_class < kSlots && slots_[size_class].Put(block)) return;
  {
    MutexLock lock(mutex_);
    if (!orphaned_ && size_class < kClasses && idle_bytes_ + capacity <= most_in_lists_) return PutAway(block);
  }
  GiveBack(block);
  Leave(capacity);
}

void PoolHome::Orphan() {
  std::array<IdleBlocks, kClasses> idle;
  {
    MutexLock lock(mutex_);
    for (BlockSlot& slot : slots_) {
      if (Block* block = slot.Close()) PutAway(block);
    }
    idle.swap(idle_);
    idle_bytes_ = 0;
    orphaned_ = true;
  }
  for (const IdleBlocks& blocks : idle) GiveBackAll(blocks.first);
  Leave(0);
}

bool PoolHome::Trim(Instant now) {
  Block* unneeded = nullptr;
  const size_t kept = kAlwaysKept - bytes_in_slots();
  bool more = false;
  {
    MutexLock lock(mutex_);
    if (now >= second_ + absl::Seconds(1)) {
      second_ = now;
      size_t left = kTrimmedAtOnce;
      for (size_t size_class = kClasses; size_class-- > 0;) {
        IdleBlocks& idle = idle_[size_class];
        for (size_t spare = idle.least; spare > 0 && idle_bytes_ > kept && left > 0; --spare, --left) {
          Block* block = PopIdle(idle);
          block->next = std::exchange(unneeded, block);
        }
        idle.least = idle.count;
      }
    }
    more = idle_bytes_ > kept;
  }
  GiveBackAll(unneeded);
  return more;
}

size_t PoolHome::bytes_in_slots() const {
  size_t bytes = 0;
  for (size_t slot = 0; slot < kSlots; ++slot) bytes += slots_[slot].empty() ? 0 : CapacityOf(0, slot);
  return bytes;
}

size_t PoolHome::bytes_in_use() {
  MutexLock lock(mutex_);
  return used_bytes_ - bytes_in_slots();
}

class DefaultBufferPool final : public BufferPool {
 public:
  explicit DefaultBufferPool(const BufferPoolOptions& options) : home_(new PoolHome(options)) {}
  ~DefaultBufferPool() override { home_->Orphan(); }
  Buffer Allocate(size_t size) override { return home_->Allocate(size); }
  size_t bytes_in_use() const override { return home_->bytes_in_use(); }
  bool Trim(Instant now) override { return home_->Trim(now); }

 private:
  PoolHome* const home_;
};

}  // namespace

Buffer Buffer::Adopt(std::string bytes) {
  static auto& home = *new StringHome;
  const size_t size = bytes.size();
  return Buffer(home.Wrap(std::move(bytes)), size);
}

Buffer Buffer::Static(absl::string_view bytes) {
  Buffer buffer;
  buffer.data_ = const_cast<char*>(bytes.data());
  buffer.size_ = bytes.size();
  return buffer;
}

std::string ToString(const Payload& payload) {
  std::string bytes;
  bytes.reserve(SizeOf(payload));
  for (const Buffer& piece : payload) bytes.append(piece.data(), piece.size());
  return bytes;
}

Payload Share(const Payload& payload) {
  Payload shared;
  for (const Buffer& piece : payload) shared.push_back(piece.Share());
  return shared;
}

void Payload::PushBeyond(Buffer piece) {
  if (all_ == nullptr) {
    all_ = MakeRare<std::vector<Buffer>>();
    for (Buffer& inlined : first_) all_->push_back(std::move(inlined));
  }
  all_->push_back(std::move(piece));
  ++size_;
}

void Payload::DropFront(size_t count) {
  std::move(begin() + count, end(), begin());
  DropBack(count);
}

void Payload::DropBack(size_t count) {
  size_ -= count;
  if (all_ != nullptr) return all_->resize(size_);
  for (Buffer* dropped = first_ + size_; count > 0; --count) *dropped++ = Buffer();
}

void RemovePrefixOfPieces(Payload& payload, size_t count) {
  size_t dropped = 0;
  while (dropped + 1 < payload.size() && count >= payload[dropped].size()) count -= payload[dropped++].size();
  if (dropped > 0) payload.DropFront(dropped);
  if (!payload.empty()) payload.front().RemovePrefix(count);
}

void RemoveSuffix(Payload& payload, size_t count) {
  while (!payload.empty() && count >= payload.back().size() && payload.size() > 1) {
    count -= payload.back().size();
    payload.pop_back();
  }
  if (!payload.empty()) payload.back().Truncate(payload.back().size() - count);
}

std::shared_ptr<BufferPool> NewBufferPool(const BufferPoolOptions& options) {
  return std::make_shared<DefaultBufferPool>(options);
}

}  // namespace rain
