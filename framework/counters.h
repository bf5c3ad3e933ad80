// Counters: what happened to a protocol's messages.
#pragma once

#include <atomic>
#include <cstdint>

namespace rain {

// Written by one loop, read by any thread: no read-modify-write instructions, but for AddShared.
class Counter {
 public:
  void Add(uint64_t by = 1) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
  // For a counter that is written by several threads, and by this alone.
  void AddShared() { value_.fetch_add(1, std::memory_order_relaxed); }
  void Subtract(uint64_t by = 1) { value_.store(value_.load(std::memory_order_relaxed) - by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// X(name, what it counts)
#define RAIN_COUNTERS(X)                                                               \
  X(started, "requests that Send accepted and the loop has begun")                     \
  X(replied, "of these, ended by a reply")                                             \
  X(timed_out, "by their deadline")                                                    \
  X(cancelled, "by the caller or a local close")                                       \
  X(failed, "by an error reply, a dead channel, or a limit")                           \
  X(in_flight, "not ended yet")                                                        \
  X(waited, "requests that waited for room in a full queue")                           \
  X(posted, "one-way messages written to a channel")                                   \
  X(late_replies, "replies and errors that no request waited for: dropped")            \
  X(requests_received, "requests of peers that were read")                             \
  X(posts_received, "one-way messages of peers that were read")                        \
  X(replies_sent, "replies to peers' requests, error replies included")                \
  X(errors_sent, "of these, error replies")                                            \
  X(replies_dropped, "replies whose transport was gone, or that could not be written") \
  X(requests_refused, "requests beyond the window, or whose msgID was in flight")      \
  X(expired, "requests whose time was over before their handler began: not handled")   \
  X(undecodable, "packets that were no message: dropped")                              \
  X(skipped, "messages of kinds that nobody here handles: dropped")                    \
  X(posts_dropped, "one-way messages whose channel died before it took them")          \
  X(channels_opened, "channels that began")                                            \
  X(channels_closed, "channels that ended")                                            \
  X(bytes_in, "payload bytes read")                                                    \
  X(bytes_out, "packet bytes written")

struct Counters {
#define RAIN_COUNTER(name, what) Counter name;
  RAIN_COUNTERS(RAIN_COUNTER)
#undef RAIN_COUNTER
};

// A snapshot: sums over all loops. At rest, started = replied + timed_out + cancelled + failed + in_flight.
struct Stats {
#define RAIN_STAT(name, what) uint64_t name = 0;
  RAIN_COUNTERS(RAIN_STAT)
#undef RAIN_STAT

  void Add(const Counters& counters) {
#define RAIN_ADD(name, what) name += counters.name.value();
    RAIN_COUNTERS(RAIN_ADD)
#undef RAIN_ADD
  }
  bool Balanced() const { return started == replied + timed_out + cancelled + failed + in_flight; }
};

}  // namespace rain
