#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "listenrain/framework/buffer.h"

namespace rain {
namespace {

// Counts what is out, refuses when told to.
class CountingAllocator final : public BlockAllocator {
 public:
  ~CountingAllocator() override { EXPECT_EQ(bytes.load(), 0u) << "not given back"; }
  void* Allocate(size_t size) override {
    if (refuses) return nullptr;
    bytes += size;
    ++blocks;
    return std::malloc(size);
  }
  void Free(void* memory, size_t size) noexcept override {
    bytes -= size;
    std::free(memory);
  }

  std::atomic<bool> refuses{false};
  std::atomic<size_t> bytes{0};
  std::atomic<size_t> blocks{0};  // ever given
};

TEST(BufferPool, GivesExactlyTheSizeAsked) {
  const auto pool = NewBufferPool();
  for (const size_t size :
       {size_t{1}, size_t{255}, size_t{256}, size_t{257}, size_t{65536}, size_t{1} << 20, (size_t{1} << 20) + 1}) {
    Buffer buffer = pool->Allocate(size);
    ASSERT_EQ(buffer.size(), size);
    EXPECT_GE(buffer.pinned(), size);
    EXPECT_EQ(pool->bytes_in_use(), buffer.pinned());
    std::memset(buffer.mutable_data(), 'x', size);
  }
  EXPECT_EQ(pool->bytes_in_use(), 0u);
}

TEST(BufferPool, BlocksComeInPowersOfTwoUpToAMebibyte) {
  const auto pool = NewBufferPool();
  EXPECT_EQ(pool->Allocate(1).pinned(), 256u);
  EXPECT_EQ(pool->Allocate(257).pinned(), 512u);
  EXPECT_EQ(pool->Allocate(512).pinned(), 512u);
  EXPECT_EQ(pool->Allocate((1 << 20) - 1).pinned(), size_t{1} << 20);
  EXPECT_EQ(pool->Allocate((1 << 20) + 1).pinned(), (size_t{1} << 20) + 1);
}

TEST(BufferPool, ABlockThatCameHomeIsGivenAgain) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.allocator = allocator});
  for (int i = 0; i < 100; ++i) {
    Buffer buffer = pool->Allocate(300);
    const Buffer slice = buffer.Share(10, 20);
    buffer = Buffer();
    EXPECT_EQ(pool->bytes_in_use(), 512u);  // the slice pins the block
    EXPECT_EQ(slice.size(), 20u);
  }
  EXPECT_EQ(allocator->blocks.load(), 1u);
}

TEST(BufferPool, BlocksTooLargeForAClassAreNotKept) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.allocator = allocator});
  (void)pool->Allocate(2 << 20);
  EXPECT_EQ(allocator->bytes.load(), 0u);
}

TEST(BufferPool, IdleBytesAreBounded) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.max_idle_bytes = 4096, .allocator = allocator});
  std::vector<Buffer> out;
  for (int i = 0; i < 100; ++i) out.push_back(pool->Allocate(1024));
  EXPECT_GE(allocator->bytes.load(), 100u * 1024);
  out.clear();
  EXPECT_EQ(pool->bytes_in_use(), 0u);
  EXPECT_GE(allocator->bytes.load(), 4096u);
  EXPECT_LT(allocator->bytes.load(), 5 * 1024u);
}

TEST(BufferPool, WhatLiesAtHandIsWithinTheBoundToo) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const size_t most = 2 << 20;
  const auto pool = NewBufferPool({.max_idle_bytes = most, .allocator = allocator});
  for (size_t size = 256; size < (1 << 20); size *= 2) (void)pool->Allocate(size);
  std::vector<Buffer> out;
  for (int i = 0; i < 200; ++i) out.push_back(pool->Allocate(32 << 10));
  EXPECT_GE(allocator->bytes.load(), 3 * most);
  out.clear();
  EXPECT_EQ(pool->bytes_in_use(), 0u);
  EXPECT_GE(allocator->bytes.load(), most * 3 / 4);
  EXPECT_LT(allocator->bytes.load(), most + 64 * 64) << "with the blocks' headers";
}

TEST(BufferPool, TrimGivesBackWhatNobodyNeededForASecondButForALittle) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.allocator = allocator});
  const auto hold = [&](size_t blocks) {
    std::vector<Buffer> held;
    for (size_t i = 0; i < blocks; ++i) held.push_back(pool->Allocate(64 << 10));
  };
  Instant now{1'000'000'000'000};
  const auto trim = [&] { return pool->Trim(now = now + absl::Seconds(1)); };
  hold(100);
  const size_t each = allocator->bytes.load() / 100;
  EXPECT_TRUE(trim());
  EXPECT_TRUE(pool->Trim(now + absl::Milliseconds(999)));
  EXPECT_EQ(allocator->bytes.load(), 100 * each) << "all were needed, and the second is not over";
  for (const bool first : {true, false}) {
    hold(30);
    EXPECT_TRUE(trim());
    EXPECT_EQ(allocator->bytes.load(), 30 * each) << first;
  }
  EXPECT_EQ(allocator->blocks.load(), 100u) << "what was needed is given again";
  EXPECT_FALSE(trim());
  EXPECT_EQ(allocator->bytes.load(), 16 * each) << "none since, of which a mebibyte stays";
  EXPECT_FALSE(trim());
  EXPECT_EQ(allocator->bytes.load(), 16 * each);
  hold(16);
  (void)pool->Allocate(1 << 20);
  EXPECT_TRUE(trim()) << "all were needed";
  EXPECT_FALSE(trim());
  EXPECT_EQ(allocator->bytes.load(), 16 * each) << "the largest goes first";
}

TEST(BufferPool, RefusesBeyondItsLimitAndGivesAgainWhenBlocksCameHome) {
  const auto pool = NewBufferPool({.max_bytes = 1024});
  Buffer first = pool->Allocate(512);
  const Buffer second = pool->Allocate(512);
  EXPECT_FALSE(second.empty());
  EXPECT_TRUE(pool->Allocate(1).empty());
  EXPECT_EQ(pool->bytes_in_use(), 1024u);
  first = Buffer();
  EXPECT_FALSE(pool->Allocate(512).empty());
  EXPECT_TRUE(pool->Allocate(SIZE_MAX).empty());
  EXPECT_TRUE(pool->Allocate(SIZE_MAX / 4).empty());
}

TEST(BufferPool, WhoWantsNoIdleBlocksHasNone) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.max_idle_bytes = 0, .allocator = allocator});
  for (const size_t size : {size_t{1}, size_t{5000}, size_t{1} << 20}) {
    EXPECT_FALSE(pool->Allocate(size).empty());
    EXPECT_EQ(allocator->bytes.load(), 0u);
  }
}

// A pool full of idle small blocks must not refuse a large one.
TEST(BufferPool, IdleBlocksMakeRoomForAnotherSize) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.max_bytes = 8192, .allocator = allocator});
  {
    std::vector<Buffer> small;
    for (int i = 0; i < 32; ++i) small.push_back(pool->Allocate(256));
    EXPECT_TRUE(pool->Allocate(256).empty());
  }
  const Buffer large = pool->Allocate(4096);
  EXPECT_FALSE(large.empty());
  EXPECT_LE(allocator->bytes.load(), 8192u + 32 * 64);  // with the blocks' headers
  EXPECT_FALSE(pool->Allocate(4096).empty());
  EXPECT_TRUE(pool->Allocate(8192).empty());
}

TEST(BufferPool, WhenTheAllocatorRefusesNothingIsCharged) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.max_bytes = 1024, .allocator = allocator});
  allocator->refuses = true;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(pool->Allocate(1024).empty());
  EXPECT_EQ(pool->bytes_in_use(), 0u);
  allocator->refuses = false;
  EXPECT_FALSE(pool->Allocate(1024).empty());
}

TEST(BufferPool, BlocksMayOutliveIt) {
  const auto allocator = std::make_shared<CountingAllocator>();
  auto pool = NewBufferPool({.allocator = allocator});
  Buffer small = pool->Allocate(10);
  std::memcpy(small.mutable_data(), "still here", small.size());
  Buffer large = pool->Allocate(2 << 20);
  (void)pool->Allocate(5000);  // idle when the pool ends
  pool = nullptr;
  EXPECT_EQ(small.view(), "still here");
  small = Buffer();
  EXPECT_GT(allocator->bytes.load(), 0u);
  large = Buffer();
  EXPECT_EQ(allocator->bytes.load(), 0u);
}

TEST(BufferPool, BlocksComeHomeFromAnotherThread) {
  const auto allocator = std::make_shared<CountingAllocator>();
  const auto pool = NewBufferPool({.allocator = allocator});
  for (int i = 0; i < 50; ++i) {
    Buffer afar = pool->Allocate(9);
    std::memcpy(afar.mutable_data(), "from afar", afar.size());
    std::thread([afar = std::move(afar)] { EXPECT_EQ(afar.view(), "from afar"); }).join();
  }
  EXPECT_EQ(pool->bytes_in_use(), 0u);
  EXPECT_EQ(allocator->blocks.load(), 1u);
}

TEST(BufferPool, SlicesOfOneBlockEndOnManyThreads) {
  const auto pool = NewBufferPool();
  for (int round = 0; round < 100; ++round) {
    Buffer whole = pool->Allocate(64);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 4; ++i) {
      Buffer slice = whole.Share(16 * i, 16);
      threads.emplace_back([slice = std::move(slice)]() mutable {
        std::memset(slice.mutable_data(), 'x', slice.size());
        slice = Buffer();
      });
    }
    whole = Buffer();
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(pool->bytes_in_use(), 0u);
  }
}

// The last blocks come home while the pool ends: whoever is last must end what they share, and nobody may use it after that.
TEST(BufferPool, EndsWhileBlocksComeHome) {
  const auto allocator = std::make_shared<CountingAllocator>();
  for (int round = 0; round < 300; ++round) {
    auto pool = NewBufferPool({.max_idle_bytes = size_t{1} << (round % 2 == 0 ? 10 : 20), .allocator = allocator});
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([a = pool->Allocate(700), b = pool->Allocate(2 << 20)]() mutable {
        a = Buffer();
        b = Buffer();
      });
    }
    (void)pool->Allocate(300);
    pool = nullptr;
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(allocator->bytes.load(), 0u);
  }
}

}  // namespace
}  // namespace rain
