// Counters: what happened to a protocol's messages.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

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
  X(refused, "requests that Send or SyncSend refused: their callers know why")         \
  X(refused_full, "of these, since the queue was full")                                \
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

// Why requests that Send accepted ended without a reply. X(name, what it says)
#define RAIN_FAILURE_REASONS(X)                                                                        \
  X(deadline_connecting, "its time was over, and there was no channel yet")                            \
  X(deadline_queued, "its time was over while it waited in this side's queue, or for room there")      \
  X(deadline_awaiting, "its time was over while it waited for the reply")                              \
  X(cancelled, "its caller ended it")                                                                  \
  X(closed, "this side ended its transport: a stop, a drain, Connection::Close")                       \
  X(connect_failed, "there was no channel, and the attempt to get one failed")                         \
  X(lost_unsent, "the channel died before it had taken any of it")                                     \
  X(lost_sent, "the channel died after it had taken all or some of it")                                \
  X(hung_up, "this side ended the channel: what came was no packet, or overstepped a limit")           \
  X(too_large, "its packet was beyond limits.max_packet_bytes, or the buffer pool refused the memory") \
  X(id_in_flight, "its msgID was in flight")                                                           \
  X(part_failed, "a codec or queue of the protocol failed")                                            \
  X(peer_error, "the peer replied with an error: Stats::peer_errors says which")

// What brought a request's failure about; its status says what may be done now.
enum class FailureReason : uint8_t {
#define RAIN_FAILURE_REASON(name, what) name,
  RAIN_FAILURE_REASONS(RAIN_FAILURE_REASON)
#undef RAIN_FAILURE_REASON
};
inline constexpr size_t kFailureReasons = static_cast<size_t>(FailureReason::peer_error) + 1;

// "deadline_queued", say.
constexpr absl::string_view ToString(FailureReason reason) {
  constexpr std::array<absl::string_view, kFailureReasons> kNames = {
#define RAIN_FAILURE_NAME(name, what) #name,
      RAIN_FAILURE_REASONS(RAIN_FAILURE_NAME)
#undef RAIN_FAILURE_NAME
  };
  return kNames[static_cast<size_t>(reason)];
}

// absl::StatusCode is open: other numbers count as kUnknown.
inline constexpr size_t kStatusCodes = 17;
constexpr size_t IndexOf(absl::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kStatusCodes ? index : static_cast<size_t>(absl::StatusCode::kUnknown);
}

struct Counters {
#define RAIN_COUNTER(name, what) Counter name;
  RAIN_COUNTERS(RAIN_COUNTER)
#undef RAIN_COUNTER
  std::array<Counter, kFailureReasons> failures;
  std::array<Counter, kStatusCodes> peer_errors;

  // A request ended without a reply: once by its code, once by what brought it about.
  void AddFailure(absl::StatusCode code, FailureReason reason) {
    failures[static_cast<size_t>(reason)].Add();
    (code == absl::StatusCode::kDeadlineExceeded ? timed_out : code == absl::StatusCode::kCancelled ? cancelled : failed).Add();
  }
  // The peer replied with an error.
  void AddPeerError(absl::StatusCode code) {
    failures[static_cast<size_t>(FailureReason::peer_error)].Add();
    peer_errors[IndexOf(code)].Add();
    failed.Add();
  }
};

// A snapshot: sums over all loops. At rest, started = replied + timed_out + cancelled + failed + in_flight; the failures' reasons
// sum up to timed_out + cancelled + failed, and the peers' errors to one of these reasons.
struct Stats {
#define RAIN_STAT(name, what) uint64_t name = 0;
  RAIN_COUNTERS(RAIN_STAT)
#undef RAIN_STAT
  std::array<uint64_t, kFailureReasons> failures{};
  std::array<uint64_t, kStatusCodes> peer_errors{};

  uint64_t Failures(FailureReason reason) const { return failures[static_cast<size_t>(reason)]; }
  uint64_t PeerErrors(absl::StatusCode code) const { return peer_errors[IndexOf(code)]; }

  void Add(const Counters& counters) {
#define RAIN_ADD(name, what) name += counters.name.value();
    RAIN_COUNTERS(RAIN_ADD)
#undef RAIN_ADD
    for (size_t i = 0; i < kFailureReasons; ++i) failures[i] += counters.failures[i].value();
    for (size_t i = 0; i < kStatusCodes; ++i) peer_errors[i] += counters.peer_errors[i].value();
  }
  bool Balanced() const {
    uint64_t reasons = 0;
    for (const uint64_t count : failures) reasons += count;
    uint64_t errors = 0;
    for (const uint64_t count : peer_errors) errors += count;
    return started == replied + timed_out + cancelled + failed + in_flight && reasons == timed_out + cancelled + failed &&
           errors == Failures(FailureReason::peer_error);
  }
};

}  // namespace rain
