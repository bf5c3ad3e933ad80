// Frame pool: the memory of coroutines' frames.
#pragma once

#include <cstddef>

namespace rain {

// Each thread keeps some of what was freed on it, up to a bound, for its next frames: a coroutine that is called again and again
// does not call the allocator. Thread: any.
void* AllocateFrame(size_t bytes);
void FreeFrame(void* frame, size_t bytes) noexcept;

// A base of promises, whose coroutines' frames are of the pool.
class PooledFrame {
 public:
  static void* operator new(size_t bytes) { return AllocateFrame(bytes); }
  static void operator delete(void* frame, size_t bytes) noexcept { FreeFrame(frame, bytes); }
};

}  // namespace rain
