#include "listenrain/framework/frame_pool.h"

#include <array>
#include <new>
#include <utility>

namespace rain {
namespace {

// AddressSanitizer sees who touches a dead frame only if its memory is not kept.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif
#else
constexpr bool kKeeps = true;
#endif

constexpr size_t kStep = 128;              // sizes are rounded up to a multiple of it
constexpr size_t kClasses = 32;            // larger frames are not kept
constexpr size_t kMaxKeptBytes = 1 << 20;  // on each thread

struct Free {
  Free* next;
};

// At the thread's end other thread-local objects may still free frames.
thread_local bool over = false;

class ThreadFrames {
 public:
  ThreadFrames() = default;
  ThreadFrames(const ThreadFrames&) = delete;
  ThreadFrames& operator=(const ThreadFrames&) = delete;
  ~ThreadFrames() {
    over = true;
    for (Free* frame : free_) {
      while (frame != nullptr) ::operator delete(std::exchange(frame, frame->next));
    }
  }

  void* Take(size_t size_class) {
    Free* frame = free_[size_class];
    if (frame == nullptr) return nullptr;
    free_[size_class] = frame->next;
    kept_bytes_ -= (size_class + 1) * kStep;
    return frame;
  }
  bool Keep(void* memory, size_t size_class) {
    const size_t bytes = (size_class + 1) * kStep;
    if (kept_bytes_ + bytes > kMaxKeptBytes) return false;
    kept_bytes_ += bytes;
    free_[size_class] = new (memory) Free{free_[size_class]};
    return true;
  }

 private:
  std::array<Free*, kClasses> free_{};
  size_t kept_bytes_ = 0;
};

thread_local ThreadFrames frames;

size_t ClassOf(size_t bytes) { return (bytes - 1) / kStep; }

}  // namespace

void* AllocateFrame(size_t bytes) {
  const size_t size_class = ClassOf(bytes);
  if (size_class >= kClasses) return ::operator new(bytes);
  if (kKeeps && !over) {
    if (void* frame = frames.Take(size_class)) return frame;
  }
  return ::operator new((size_class + 1) * kStep);
}

void FreeFrame(void* frame, size_t bytes) noexcept {
  const size_t size_class = ClassOf(bytes);
  if (size_class < kClasses && kKeeps && !over && frames.Keep(frame, size_class)) return;
  ::operator delete(frame);
}

}  // namespace rain
