// Outgoing: one message on its way out: a request until its outcome, anything else until the channel has taken it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <new>

#include "listenrain/framework/atomic.h"
#include "listenrain/framework/completion.h"
#include "listenrain/framework/intrusive_list.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/ref.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/timer_heap.h"
#include "listenrain/framework/token.h"

namespace rain {

struct Outgoing;

// Who is told that a request's deadline has come. Thread: loop.
class DeadlineOwner {
 public:
  virtual void OnDeadline(Outgoing& outgoing) = 0;

 protected:
  ~DeadlineOwner() = default;
};

// Where a request is between Submit and its outcome; waiting: for room in the queue.
enum class Stage : uint8_t { submitted, waiting, queued, sent };

// A pooled node. Thread: whoever holds it; the loop, once it has left the mailbox.
struct Outgoing final : Timer {
  static constexpr size_t kRoomBytes = 64;

  // A completion that lives in the node's own room.
  template <class C, class... Args>
  void Emplace(Args&&... args) {
    static_assert(sizeof(C) <= kRoomBytes, "completions are small");
    static_assert(alignof(C) <= alignof(std::max_align_t), "completions are not over-aligned");
    completion = new (room.data()) C(std::forward<Args>(args)...);
  }

  Token token = 0;  // changes with Retire
  MessageHeader header;
  Payload payload;  // empty if it was written straight into the link's output
  Completion* completion = nullptr;
  RunOn where = RunOn::executor;
  Stage stage = Stage::submitted;
  bool idempotent = false;
  bool wait_for_ready = false;
  // Before it came to the loop, which alone sets it; a node that is refused is cleaned by any thread.
  Atomic<bool> cancelled{false};
  bool outside = false;                     // constant: a node that New gives, not NewInLoop
  int priority = 0;                         // higher leaves first, in queues that look at it
  size_t size = 0;                          // bytes of the payload
  bool charged = false;                     // `size` bytes are held of the transport's budget
  bool waits = false;                       // not charged, but counted among those who wait for room in it
  BytesSent sent_before = BytesSent::none;  // on a channel that died, after which it was queued again
  uint64_t sent_end = 0;                    // once sent: where the packet ends, counted from the channel's first byte
  size_t packet_bytes = 0;                  // once sent: with framing
  size_t answered_bytes = 0;                // of a reply: what its request had weighed in the peer's window
  uint32_t channel = 0;                     // of a reply: the transport's channel that its request came on, by number
  Instant deadline = Instant::Infinite();
  DeadlineOwner* owner = nullptr;
  Ref<PostBox> box;          // set while in the mailbox or on an executor
  Outgoing* next = nullptr;  // in the mailbox and in free lists
  ListHook<Outgoing> deadline_hook;
  ListHook<Outgoing> queue_hook;
  ListHook<Outgoing> in_flight_hook;
  const void* in_flight_at = nullptr;  // the stat machine pool that has it; thread: loop
  Instant begun;                       // when it was submitted; of a reply: when its request came
  alignas(std::max_align_t) std::array<std::byte, kRoomBytes> room;

 private:
  void OnTimer() override { owner->OnDeadline(*this); }
};

// The nodes of one loop. Those for messages made on the loop and those for messages from outside are kept apart, so that each
// kind is bounded by what was ever needed at once. Tokens name them: a slot that never moves, and a generation that changes with
// each use.
class OutgoingPool {
 public:
  OutgoingPool() = default;
  ~OutgoingPool();
  OutgoingPool(const OutgoingPool&) = delete;
  OutgoingPool& operator=(const OutgoingPool&) = delete;

  // A clean node. Thread: loop, or any.
  Outgoing& NewInLoop();
  Outgoing& New();
  // Takes the node back, its completion destroyed, its buffers released. Thread: loop, or any.
  void RecycleInLoop(Outgoing& outgoing);
  void Recycle(Outgoing& outgoing);

  // The node that has this token and is in flight, or null. Thread: loop, which alone writes what this reads.
  Outgoing* Find(Token token) const;
  // The node that has this token, in flight or not yet, or null. Thread: loop.
  Outgoing* Named(Token token) const;
  // Makes the node's present token stale: its request has its outcome. Thread: loop.
  static void Retire(Outgoing& outgoing);

 private:
  static constexpr size_t kFirstChunkLog = 6;
  static constexpr size_t kChunks = 25;
  struct Chunk {
    Atomic<Outgoing*> nodes{nullptr};
  };
  static size_t ChunkSize(size_t chunk) { return size_t{1} << (kFirstChunkLog + chunk); }
  static void Clean(Outgoing& outgoing);
  Outgoing* Grow(bool outside) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outgoing* Slot(size_t slot) const;

  std::array<Chunk, kChunks> chunks_;  // each twice as large as the one before
  Outgoing* local_ = nullptr;          // free nodes of the loop
  Mutex mutex_;
  Outgoing* returned_ ABSL_GUARDED_BY(mutex_) = nullptr;  // free nodes of the loop, given back by others
  Outgoing* outside_ ABSL_GUARDED_BY(mutex_) = nullptr;   // free nodes of everybody else
  size_t grown_ ABSL_GUARDED_BY(mutex_) = 0;              // chunks that exist
};

}  // namespace rain
