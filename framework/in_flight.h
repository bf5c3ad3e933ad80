// What is in flight right now: which calls, where they are, for how long. For people who look for what is stuck.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/message_header.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/ref.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

// Where a call is that has not ended.
enum class CallStage : uint8_t {
  // Our request:
  queued,    // it waits in this side's queue, for room there, or for a channel
  writing,   // it was cut into a packet, of which the channel has not taken the last byte
  awaiting,  // it was written whole, and waits for its reply
  // The peer's request:
  dispatched,  // its handler has it, or will get it from the executor
  replying,    // its reply waits to be written
};

// One call, as it was when it was looked at.
struct InFlightCall {
  MsgId id;  // empty: not given yet
  CallStage stage = CallStage::queued;
  absl::Duration age;        // since it was sent by its caller here, or came from the peer
  absl::Duration remaining;  // until its deadline, negative once that is over; infinite if it has none, or none is known
  size_t bytes = 0;          // of its message; where that is being replied to, of the reply
};

// One transport that has something in flight.
struct TransportInFlight {
  std::string protocol;
  TransportKey key;
  Role role = Role::dialer;
  LinkState state = LinkState::unused;
  PeerInfo peer;                    // who is, or was last, at the other end
  size_t requests = 0;              // of ours, without outcome
  size_t peer_requests = 0;         // of the peer's, without a reply that was written
  size_t queued_packets = 0;        // of ours, accepted and not yet taken by the channel; one-way messages too
  size_t queued_bytes = 0;          // of these
  size_t pending_bytes = 0;         // written to the channel, and not taken by it: replies and all
  std::vector<InFlightCall> calls;  // the oldest first; the others are in the counts alone

  bool empty() const { return requests + peer_requests + queued_packets + pending_bytes == 0; }
};

struct InFlightReport {
  std::vector<TransportInFlight> transports;  // the one with the oldest call first; none that has nothing in flight
  size_t silent_loops = 0;                    // that did not answer in time: what they have is not told here
};

struct InFlightOptions {
  size_t most_calls = 20;  // of each transport
  // How long to wait for the loops. One that is busy for longer runs something that blocks: it is told as silent.
  absl::Duration timeout = absl::Seconds(1);
};

// "awaiting", say.
absl::string_view ToString(CallStage stage);
// For people: a line for each transport, and beneath it one for each call, the oldest first.
std::string ToString(const InFlightReport& report);

class Shard;

// One look at what is in flight, on all loops. Shared by them and by who waits. Thread: any.
class InFlightLook final : public RefCounted {
 public:
  using Done = absl::AnyInvocable<void(InFlightReport) &&>;

  // At this protocol's transports, or if it is null at all. `done`, unless null, is called once, by the loop that ends last: in
  // a turn of its own, under no lock. A loop that ends before it was looked at counts as silent.
  static Ref<InFlightLook> Begin(const std::vector<Ref<Shard>>& shards, std::shared_ptr<const ProtocolParts> protocol,
                                 size_t most_calls, Done done);

  // What was found when all have told, or when that is over. Without `done`; once; not on a thread that runs a loop.
  InFlightReport Await(absl::Duration timeout);

 private:
  class Part;
  InFlightLook(size_t loops, Done done) : done_(std::move(done)), left_(loops) {}
  void Add(std::vector<TransportInFlight> found, bool whole);

  Done done_;
  Mutex mutex_;
  CondVar changed_;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  InFlightReport report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rain
