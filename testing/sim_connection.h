// SimConnection: one connection of a simulated network: a bounded pipe each way that takes its time, and what can befall it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "listenrain/testing/sim_agenda.h"
#include "listenrain/testing/sim_random.h"

namespace rain {

class SimChannel;

// What lies between two nodes.
struct SimLink {
  absl::Duration latency = absl::Milliseconds(1);  // one way
  absl::Duration jitter = absl::Milliseconds(1);   // up to so much more; the order is kept
  uint64_t bytes_per_second = 100'000'000;
  size_t buffer_bytes = 64 << 10;  // each way: accepted, and not yet read
};

// Behaves as TCP does. Shared by its two channels; sides are 0 (who dialed) and 1. Thread: one.
class SimConnection final : public std::enable_shared_from_this<SimConnection> {
 public:
  SimConnection(SimAgenda& agenda, SimRandom random, const SimLink& link) : agenda_(agenda), random_(random), link_(link) {}

  // For the channels. Both ends are woken when something arrives, or there is room again.
  void Attach(int side, SimChannel& channel) { ends_[side].channel = &channel; }
  // Takes of `bytes` what there is room for, and returns how much that is.
  size_t Accept(int side, absl::string_view bytes);
  void EndWriting(int side);
  size_t readable(int side) const { return pipes_[1 - side].inbox.size() - pipes_[1 - side].read; }
  size_t Read(int side, char* to, size_t room);
  bool ended(int side) const { return pipes_[1 - side].end_arrived && readable(side) == 0; }
  bool reset(int side) const { return ends_[side].reset; }
  // The channel is no more. What was accepted still goes out.
  void Leave(int side);

  // Faults. The connection breaks for both once so many more bytes of this side have arrived.
  void BreakAfter(int side, uint64_t bytes);
  // An end vanishes without a word; from then on its peer's bytes are lost.
  void Vanish(int side);
  // What is sent to an end that vanished is answered by a reset, and what was sent there without an answer is sent again: its
  // node is there again.
  void Return(int side);
  // What this side sends is on its way for as long as it takes.
  void Hold(int side, bool held);
  // Both ends hear that the connection is broken.
  void Break();
  // A reader that takes nothing, or little at a time, whatever its channel wants.
  void Starve(int side, bool starved);
  void Slow(int side, bool slow) { ends_[side].slow = slow; }

  bool over() const { return ends_[0].gone && ends_[1].gone; }
  bool gone(int side) const { return ends_[side].gone; }
  // Accepted of this side, and not yet arrived.
  bool has_on_the_way(int side) const { return !pipes_[side].wire.empty(); }

 private:
  struct Segment {
    enum class Kind { bytes, end, reset } kind;
    Instant arrives;
    std::string data;
  };
  // By the side that writes.
  struct Pipe {
    std::deque<Segment> wire;
    Instant last_arrival{0};
    size_t held = 0;  // accepted, and not yet read
    uint64_t arrived = 0;
    uint64_t break_at = UINT64_MAX;  // of arrived
    std::string inbox;               // from `read` on
    size_t read = 0;
    bool end_sent = false;
    bool end_arrived = false;
    bool stopped = false;  // nothing arrives
  };
  struct End {
    SimChannel* channel = nullptr;
    bool gone = false;
    bool vanished = false;
    bool answers = false;
    bool reset = false;
    bool starved = false;
    bool slow = false;
    bool resting = false;  // slow, and has just read
  };

  void SendOn(int side, Segment::Kind kind, absl::string_view data);
  void Pump(int side);
  void Arrive(int side, Segment segment);
  void Reset(int side);
  void Wake(int side);

  SimAgenda& agenda_;
  SimRandom random_;
  const SimLink link_;
  Pipe pipes_[2];
  End ends_[2];
};

}  // namespace rain
