// RawBlocks: the memory that the yardsticks read into and write from. A connection has a block only while something lies in it.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace rain::bench {

struct RawBlock {
  std::unique_ptr<char[]> bytes;  // null: none
  size_t capacity = 0;
};

// Thread: one at a time.
class RawBlocks {
 public:
  // One that was given back, or a new one.
  RawBlock Take(size_t at_least) {
    while (!spare_.empty()) {
      RawBlock block = std::move(spare_.back());
      spare_.pop_back();
      if (block.capacity >= at_least) return block;
    }
    return {std::unique_ptr<char[]>(new char[at_least]), at_least};
  }
  // Of more than a few, the memory is freed.
  void Give(RawBlock& block) {
    if (spare_.size() < kSpare) spare_.push_back(std::move(block));
    block = {};
  }

 private:
  static constexpr size_t kSpare = 8;
  std::vector<RawBlock> spare_;
};

// One for all connections of a thread; outlives them.
struct RawMemory {
  RawBlocks reading;
  RawBlocks writing;
};

}  // namespace rain::bench
