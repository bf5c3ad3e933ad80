#include "listenrain/framework/buffer.h"

#include <array>
#include <bit>
#include <new>

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

// Free lists by size class behind one mutex: blocks come home from every thread. Lives until its last block is home.
class PoolHome final : public BlockHome {
 public:
  explicit PoolHome(const BufferPoolOptions& options) : options_(options) {}

  Buffer Allocate(size_t size);
  void Release(Block* block) noexcept override;
  void Orphan();
  size_t bytes_in_use();

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
  void* Obtain(size_t bytes);
  void GiveBack(Block* block) noexcept;
  ~PoolHome() = default;

  const BufferPoolOptions options_;
  Mutex mutex_;
  std::array<Block*, kClasses> idle_ ABSL_GUARDED_BY(mutex_) = {};
  size_t idle_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t used_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
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

Buffer PoolHome::Allocate(size_t size) {
  if (size > SIZE_MAX / 2) return {};
  const size_t size_class = ClassOf(size);
  const size_t capacity = CapacityOf(size, size_class);
  {
    MutexLock lock(mutex_);
    if (size_class < kClasses && idle_[size_class] != nullptr) {
      Block* block = idle_[size_class];
      idle_[size_class] = block->next;
      idle_bytes_ -= capacity;
      used_bytes_ += capacity;
      block->references.store(1, std::memory_order_relaxed);
      return Buffer(block, size);
    }
    if (options_.max_bytes - std::min(options_.max_bytes, used_bytes_ + idle_bytes_) < capacity) return {};
    used_bytes_ += capacity;
  }
  void* memory = Obtain(kHeader + capacity);
  if (memory == nullptr) {
    MutexLock lock(mutex_);
    used_bytes_ -= capacity;
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
  bool keep = false;
  bool last = false;
  {
    MutexLock lock(mutex_);
    used_bytes_ -= capacity;
    keep = !orphaned_ && size_class < kClasses && idle_bytes_ + capacity <= options_.max_idle_bytes;
    if (keep) {
      block->next = idle_[size_class];
      idle_[size_class] = block;
      idle_bytes_ += capacity;
    }
    last = orphaned_ && used_bytes_ == 0;
  }
  if (!keep) GiveBack(block);
  if (last) delete this;
}

void PoolHome::Orphan() {
  std::array<Block*, kClasses> idle = {};
  bool last = false;
  {
    MutexLock lock(mutex_);
    idle.swap(idle_);
    idle_bytes_ = 0;
    orphaned_ = true;
    last = used_bytes_ == 0;
  }
  for (Block* block : idle) {
    while (block != nullptr) GiveBack(std::exchange(block, block->next));
  }
  if (last) delete this;
}

size_t PoolHome::bytes_in_use() {
  MutexLock lock(mutex_);
  return used_bytes_;
}

class DefaultBufferPool final : public BufferPool {
 public:
  explicit DefaultBufferPool(const BufferPoolOptions& options) : home_(new PoolHome(options)) {}
  ~DefaultBufferPool() override { home_->Orphan(); }
  Buffer Allocate(size_t size) override { return home_->Allocate(size); }
  size_t bytes_in_use() const override { return home_->bytes_in_use(); }

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

size_t SizeOf(const Payload& payload) {
  size_t size = 0;
  for (const Buffer& piece : payload) size += piece.size();
  return size;
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

void RemovePrefix(Payload& payload, size_t count) {
  while (!payload.empty() && count >= payload.front().size() && payload.size() > 1) {
    count -= payload.front().size();
    payload.erase(payload.begin());
  }
  if (!payload.empty()) payload.front().RemovePrefix(count);
}

std::shared_ptr<BufferPool> NewBufferPool(const BufferPoolOptions& options) {
  return std::make_shared<DefaultBufferPool>(options);
}

}  // namespace rain
