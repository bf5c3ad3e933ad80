// InprocWire: what the two ends of an in-process connection share: a bounded pipe each way, and the way to each other's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/ref.h"
#include "listenrain/transports/loop_gate.h"

namespace rain {

class InprocChannel;

// Sides are 0 (the dialer's) and 1 (the acceptor's). A side is woken, by one task on its loop, or for its next turn where both
// live on one, when it goes from having nothing to do to having something: bytes where there were none, room that it waits for,
// an end. Thread: any, but a side's calls come from its loop; nothing foreign is called under the lock.
class InprocWire final : public RefCounted {
 public:
  // Each pipe holds at most so many bytes (and kMaxSlices slices), from when they are accepted until they are delivered; but a
  // piece of kLargePacketBytes and more finds room as a whole as soon as there is any.
  explicit InprocWire(size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  static constexpr size_t kMaxSlices = 4096;
  // So many wait without an allocation, however the two sides fall in with each other.
  static constexpr size_t kUsualSlices = 32;

  // What a side may learn about what comes from its peer.
  struct Arrivals {
    bool ended = false;      // all that the peer wrote has been taken out of the pipe, and it writes no more
    bool peer_gone = false;  // the pipe is empty, and the peer is no more: it neither reads nor writes
    bool lost = false;       // the peer left bytes of ours unread
  };

  // `end` lives on `loop`. Both are borrowed until Detach, which is called on the loop, or when the loop is no more.
  void Attach(int side, Loop& loop, InprocChannel& end);
  void Detach(int side);

  // Accepts what there is room for, sharing the slices, and returns how many bytes that is. With the last byte, if `ending`,
  // the side's writing ends. What was not accepted: the side is woken when there is room.
  size_t Put(int side, absl::Span<const Buffer> pieces, bool ending);
  // The side looks up: from here on it can be woken again. Moves what has arrived into `inbox` if that is empty and `reading`.
  void Take(int side, bool reading, std::vector<Buffer>& inbox);
  // Gives back the room of what was delivered; if `reading` and more has arrived, the side is woken.
  Arrivals Delivered(int side, size_t bytes, size_t slices, bool reading);
  // The side is no more: its peer may still take what was accepted. `complete`: nothing of what it wrote was abandoned.
  void Leave(int side, bool complete);
  // Thread: any.
  void Wake(int side);
  // The one loop of both sides is no more: neither is woken again.
  void ForgetLoop();

 private:
  struct Nudge;
  struct Pipe {
    // How many of the piece's first bytes found room.
    size_t Accept(const Buffer& piece, size_t capacity_bytes);

    std::vector<Buffer> slices;  // accepted, and not yet taken out
    size_t held_bytes = 0;       // accepted, and not yet delivered
    size_t held_slices = 0;
    bool ended = false;
    bool lost = false;
    bool writer_waits = false;
  };
  struct Side {
    bool attached = false;
    bool woken = false;  // its turn is on the way
    bool gone = false;
  };

  // True if the caller must Post, after unlocking.
  bool MarkWoken(int side) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Post(int side);

  // Locks, but where both sides live on one loop: nobody else comes here then.
  class Lock;

  const size_t capacity_bytes_;
  bool on_one_loop_ = false;                     // set on that loop, and never where there are two
  InprocChannel* ends_[2] = {nullptr, nullptr};  // thread: that side's loop
  LoopGate gates_[2];
  Mutex mutex_;
  Side sides_[2] ABSL_GUARDED_BY(mutex_);
  Pipe pipes_[2] ABSL_GUARDED_BY(mutex_);  // by the side that writes
};

}  // namespace rain
