#include "listenrain/testing/sim_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "listenrain/testing/sim_channel.h"

namespace rain {
namespace {

constexpr uint64_t kLargestSegment = 16 << 10;
constexpr size_t kWorthCompacting = 64 << 10;
constexpr size_t kSip = 256;  // what a slow reader takes at a time
constexpr absl::Duration kRest = absl::Milliseconds(1);

}  // namespace

void SimConnection::Wake(int side) {
  if (ends_[side].channel != nullptr) ends_[side].channel->Wake();
}

size_t SimConnection::Accept(int side, absl::string_view bytes) {
  Pipe& pipe = pipes_[side];
  if (ends_[side].reset || pipe.end_sent) return 0;
  bytes = bytes.substr(0, link_.buffer_bytes - std::min(pipe.held, link_.buffer_bytes));
  pipe.held += bytes.size();
  for (absl::string_view rest = bytes; !rest.empty();) {
    const absl::string_view segment = rest.substr(0, random_.LogBetween(1, kLargestSegment));
    SendOn(side, Segment::Kind::bytes, segment);
    rest.remove_prefix(segment.size());
  }
  return bytes.size();
}

void SimConnection::EndWriting(int side) {
  if (!std::exchange(pipes_[side].end_sent, true)) SendOn(side, Segment::Kind::end, "");
}

void SimConnection::SendOn(int side, Segment::Kind kind, absl::string_view data) {
  Pipe& pipe = pipes_[side];
  const Instant from = std::max(pipe.last_arrival, agenda_.now() + link_.latency + random_.Below(link_.jitter));
  pipe.last_arrival = from + absl::Seconds(1) * (static_cast<double>(data.size()) / static_cast<double>(link_.bytes_per_second));
  pipe.wire.push_back({kind, pipe.last_arrival, std::string(data.data(), data.size())});
  agenda_.At(pipe.last_arrival, [self = shared_from_this(), side] { self->Pump(side); });
}

void SimConnection::Pump(int side) {
  Pipe& pipe = pipes_[side];
  while (!pipe.stopped && !pipe.wire.empty() && pipe.wire.front().arrives <= agenda_.now()) {
    Segment segment = std::move(pipe.wire.front());
    pipe.wire.pop_front();
    Arrive(side, std::move(segment));
  }
}

void SimConnection::Arrive(int side, Segment segment) {
  Pipe& pipe = pipes_[side];
  End& reader = ends_[1 - side];
  if (reader.gone) {
    if (segment.kind != Segment::Kind::reset && (!reader.vanished || reader.answers)) SendOn(1 - side, Segment::Kind::reset, "");
    return;
  }
  if (segment.kind == Segment::Kind::reset) return Reset(1 - side);
  if (segment.kind == Segment::Kind::end) {
    pipe.end_arrived = true;
    return Wake(1 - side);
  }
  const bool breaks = pipe.break_at - pipe.arrived <= segment.data.size();
  if (breaks) segment.data.resize(static_cast<size_t>(pipe.break_at - pipe.arrived));
  pipe.arrived += segment.data.size();
  pipe.inbox += segment.data;
  if (breaks) Break();
  Wake(1 - side);
}

// The end hears of it now.
void SimConnection::Reset(int side) {
  ends_[side].reset = true;
  pipes_[side].wire.clear();
  Wake(side);
}

void SimConnection::Break() {
  Reset(0);
  Reset(1);
}

size_t SimConnection::Read(int side, char* to, size_t room) {
  Pipe& pipe = pipes_[1 - side];
  End& end = ends_[side];
  if (end.starved || end.resting) return 0;
  const size_t size = std::min({room, readable(side), end.slow ? kSip : SIZE_MAX});
  if (end.slow) {
    end.resting = true;
    agenda_.In(kRest, [self = shared_from_this(), side] {
      self->ends_[side].resting = false;
      self->Wake(side);
    });
  }
  std::memcpy(to, pipe.inbox.data() + pipe.read, size);
  pipe.read += size;
  if (pipe.read == pipe.inbox.size()) {
    pipe.inbox.clear();
    pipe.read = 0;
  } else if (pipe.read > kWorthCompacting) {
    pipe.inbox.erase(0, std::exchange(pipe.read, 0));
  }
  // The peer hears of the room after a while.
  agenda_.In(link_.latency, [self = shared_from_this(), side, size] {
    self->pipes_[1 - side].held -= size;
    self->Wake(1 - side);
  });
  return size;
}

void SimConnection::Leave(int side) {
  End& end = ends_[side];
  end.channel = nullptr;
  if (std::exchange(end.gone, true) || end.reset) return;
  const bool unread = readable(side) > 0;
  if (unread) return SendOn(side, Segment::Kind::reset, "");
  EndWriting(side);
}

void SimConnection::BreakAfter(int side, uint64_t bytes) {
  pipes_[side].break_at = pipes_[side].arrived + std::max<uint64_t>(bytes, 1);
}

void SimConnection::Vanish(int side) {
  End& end = ends_[side];
  end.gone = end.vanished = true;
  end.answers = false;
  end.channel = nullptr;
  auto& wire = pipes_[side].wire;
  if (!wire.empty()) wire.resize(static_cast<size_t>(random_.Below(wire.size() + 1)));
  pipes_[side].end_sent = true;
}

void SimConnection::Return(int side) {
  End& end = ends_[side];
  if (!end.vanished || std::exchange(end.answers, true)) return;
  if (pipes_[1 - side].held > 0) SendOn(side, Segment::Kind::reset, "");
}

void SimConnection::Hold(int side, bool held) {
  pipes_[side].stopped = held;
  if (!held) Pump(side);
}

void SimConnection::Starve(int side, bool starved) {
  ends_[side].starved = starved;
  if (!starved) Wake(side);
}

}  // namespace rain
