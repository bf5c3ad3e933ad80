#include "listenrain/transports/inproc_wire.h"

#include <algorithm>
#include <utility>

#include "listenrain/framework/packet_reader.h"
#include "listenrain/transports/inproc_channel.h"

namespace rain {

// The task that wakes a side whose peer lives elsewhere. One that is destroyed unrun tells that the side's loop has ended, and
// the side with it.
struct InprocWire::Nudge {
  Nudge(Ref<InprocWire> shared, int woken_side) : wire(std::move(shared)), side(woken_side) {}
  Nudge(Nudge&&) noexcept = default;
  ~Nudge() {
    if (!wire) return;
    wire->gates_[side].Close();
    wire->Leave(side, false);
  }
  void operator()() && {
    const Ref<InprocWire> alive = std::move(wire);
    if (alive->ends_[side] != nullptr) alive->ends_[side]->Turn();
  }

  Ref<InprocWire> wire;
  int side;
};

class ABSL_SCOPED_LOCKABLE InprocWire::Lock {
 public:
  explicit Lock(InprocWire& wire) ABSL_EXCLUSIVE_LOCK_FUNCTION(wire.mutex_) ABSL_NO_THREAD_SAFETY_ANALYSIS
      : mutex_(wire.on_one_loop_ ? nullptr : &wire.mutex_) {
    if (mutex_ != nullptr) mutex_->Lock();
  }
  ~Lock() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (mutex_ != nullptr) mutex_->Unlock();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex* const mutex_;
};

void InprocWire::Attach(int side, Loop& loop, InprocChannel& end) {
  ends_[side] = &end;
  gates_[side].Open(loop);
  MutexLock lock(mutex_);
  sides_[side].attached = true;
  if (sides_[1 - side].attached && gates_[1 - side].loop() == &loop) on_one_loop_ = true;
  pipes_[side].slices.reserve(kUsualSlices);
}

void InprocWire::Detach(int side) {
  ends_[side] = nullptr;
  gates_[side].Shut();
}

bool InprocWire::MarkWoken(int side) {
  Side& woken = sides_[side];
  return woken.attached && !std::exchange(woken.woken, true);
}

void InprocWire::Post(int side) {
  if (on_one_loop_) {
    if (ends_[side] != nullptr && !gates_[side].closed()) ends_[side]->TurnSoon();
    return;
  }
  static_assert(sizeof(Nudge) <= 2 * sizeof(void*), "a larger task would be allocated");
  gates_[side].Run(Nudge(Ref<InprocWire>::Share(this), side));
}

void InprocWire::Wake(int side) {
  {
    Lock lock(*this);
    if (!MarkWoken(side)) return;
  }
  Post(side);
}

void InprocWire::ForgetLoop() {
  for (LoopGate& gate : gates_) gate.Close();
}

size_t InprocWire::Pipe::Accept(const Buffer& piece, size_t capacity_bytes) {
  if (piece.empty() || held_bytes >= capacity_bytes || held_slices == kMaxSlices) return 0;
  const size_t size = piece.size() >= kLargePacketBytes ? piece.size() : std::min(piece.size(), capacity_bytes - held_bytes);
  slices.push_back(piece.Share(0, size));
  held_bytes += size;
  held_slices += 1;
  return size;
}

size_t InprocWire::Put(int side, absl::Span<const Buffer> pieces, bool ending) {
  size_t accepted = 0;
  {
    Lock lock(*this);
    if (sides_[1 - side].gone) return 0;
    Pipe& pipe = pipes_[side];
    const bool was_empty = pipe.slices.empty();
    bool all = true;
    for (size_t i = 0; all && i < pieces.size(); ++i) {
      const size_t size = pipe.Accept(pieces[i], capacity_bytes_);
      accepted += size;
      all = size == pieces[i].size();
    }
    pipe.writer_waits = !all;
    pipe.ended = all && ending;
    // A reader that has not taken out what was there before is awake already, or pauses.
    if (!was_empty || (accepted == 0 && !pipe.ended) || !MarkWoken(1 - side)) return accepted;
  }
  Post(1 - side);
  return accepted;
}

void InprocWire::Take(int side, bool reading, std::vector<Buffer>& inbox) {
  Lock lock(*this);
  sides_[side].woken = false;
  if (reading && inbox.empty()) inbox.swap(pipes_[1 - side].slices);
}

InprocWire::Arrivals InprocWire::Delivered(int side, size_t bytes, size_t slices, bool reading) {
  const int peer = 1 - side;
  Arrivals arrivals;
  bool wake_peer = false;
  bool wake_self = false;
  {
    Lock lock(*this);
    Pipe& pipe = pipes_[peer];
    pipe.held_bytes -= bytes;
    pipe.held_slices -= slices;
    wake_peer = slices > 0 && std::exchange(pipe.writer_waits, false) && MarkWoken(peer);
    if (pipe.held_slices == 0) {
      arrivals = {pipe.ended, sides_[peer].gone, pipes_[side].lost};
    } else {
      wake_self = reading && !pipe.slices.empty() && MarkWoken(side);
    }
  }
  if (wake_peer) Post(peer);
  if (wake_self) Post(side);
  return arrivals;
}

void InprocWire::Leave(int side, bool complete) {
  const int peer = 1 - side;
  std::vector<Buffer> unread;
  {
    Lock lock(*this);
    if (std::exchange(sides_[side].gone, true)) return;
    pipes_[side].ended |= complete;
    pipes_[side].writer_waits = false;
    Pipe& inward = pipes_[peer];
    inward.lost = inward.held_bytes > 0;
    unread.swap(inward.slices);
    if (!MarkWoken(peer)) return;
  }
  Post(peer);
}

}  // namespace rain
