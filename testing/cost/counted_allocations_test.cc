#include "listenrain/testing/cost/counted_allocations_test.h"

#include <execinfo.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "listenrain/testing/faults/sanitizers_test.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<uint64_t> allocations{0};
std::atomic<uint64_t> allocated_bytes{0};
void* first_stack[64];
std::atomic<int> first_depth{0};

[[maybe_unused]] void NoteAllocation(size_t bytes) {
  if (!counting.load(std::memory_order_relaxed)) return;
  allocated_bytes.fetch_add(bytes);
  if (allocations.fetch_add(1) == 0) first_depth = backtrace(first_stack, 64);
}

}  // namespace

#if !RAIN_UNDER_SANITIZER
// glibc's own, which these stand before; operator new comes through malloc.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the names are glibc's
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(size_t bytes) {
  NoteAllocation(bytes);
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  NoteAllocation(count * bytes);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  NoteAllocation(bytes);
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  NoteAllocation(bytes);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  NoteAllocation(bytes);
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}
#endif

namespace rain {

void CountedAllocations::Begin() {
  void* stack[1];
  backtrace(stack, 1);  // loads what it needs
  allocations = 0;
  allocated_bytes = 0;
  counting = true;
}

void CountedAllocations::End() { counting = false; }

uint64_t CountedAllocations::count() { return allocations; }

uint64_t CountedAllocations::bytes() { return allocated_bytes; }

void CountedAllocations::PrintFirst() {
  if (allocations > 0) backtrace_symbols_fd(first_stack, first_depth, STDERR_FILENO);
}

}  // namespace rain
