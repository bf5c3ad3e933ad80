// PostBox: the address of a transport, for everybody who is not on its loop, or who outlives it.
#pragma once

#include <any>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/budget.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/clock.h"
#include "listenrain/framework/completion.h"
#include "listenrain/framework/counters.h"
#include "listenrain/framework/message_header.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/payload_writer.h"
#include "listenrain/framework/rare_ptr.h"
#include "listenrain/framework/ref.h"
#include "listenrain/framework/token.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

class Shard;
class Transport;
class Cancellation;
struct CodecTraits;
struct Outgoing;
struct ProtocolParts;

// How a transport stands with its channel.
enum class LinkState : uint8_t {
  unused,      // not dialed yet, or closed for want of use: the next message dials
  connecting,  // for the first time, or again
  connected,
  down,  // the last attempt failed; another one follows
};

// What becomes of a request that finds the transport's queue full (limits.max_queued_bytes, max_queued_packets).
enum class Overflow {
  fail,  // Send returns RESOURCE_EXHAUSTED at once
  wait,  // it is accepted, and waits for room in the order in which such requests came, until its deadline
};

// What a caller may say of one request.
//
// Requests that wait for room hold their message beside the queue's limits: a blocking caller its thread too, a coroutine its
// frame. So wait where the number of callers is bounded; who asks without end uses WhenRoom. While some wait, others are refused.
struct SendOptions {
  // Covers connecting, queueing, the wire, the handler. Zero: the protocol's. Negative, as of a deadline that is over:
  // DEADLINE_EXCEEDED at once.
  absl::Duration timeout = absl::ZeroDuration();
  bool idempotent = false;                // may be sent twice: again on another channel, if the first one died
  bool wait_for_ready = false;            // waits while the other side is down; else fails with the attempt to connect
  int priority = 0;                       // higher leaves first, where the protocol's queue looks at it: NewPriorityQueue
  Overflow on_overflow = Overflow::fail;  // of no effect on Post: nobody waits for it
  Cancellation* cancellation = nullptr;   // if given, can end the request early; of no effect on Post
};

// One message for a transport, with all that the engine must know of it.
struct Submission {
  MessageHeader header;  // of a request: `remaining` is its timeout, and once submitted what is left of it
  // When a request was submitted, and when its time is over: both set by Submit; or before, by a caller who waits for the loop.
  Instant begun = Instant::Infinite();
  Instant deadline = Instant::Infinite();
  bool idempotent = false;
  bool wait_for_ready = false;
  bool wait_for_room = false;
  int priority = 0;
  size_t answered_bytes = 0;  // of a reply: what its request weighed
  uint32_t channel = 0;       // of a reply: the transport's channel that its request came on, by number
  RunOn where = RunOn::executor;
  // Of a request: where its outcome goes. `make` puts a completion into the node's room; else `waiter` is borrowed.
  Completion* waiter = nullptr;
  const absl::FunctionRef<void(Outgoing&)>* make = nullptr;
  Cancellation* cancellation = nullptr;

  bool is_request() const { return header.kind == MessageKind::request; }
};

using Encode = absl::FunctionRef<absl::Status(const MessageHeader&, PayloadWriter&)>;

// Calls `encode`, and makes INVALID_ARGUMENT of what it throws, and of a message without room for the codec's header.
absl::Status EncodeGuarded(const CodecTraits& traits, const MessageHeader& header, Encode encode, PayloadWriter& writer);

// Outlives its transport. Thread: any.
class PostBox final : public RefCounted, private BudgetEvents {
 public:
  PostBox(Ref<Shard> shard, std::shared_ptr<const ProtocolParts> protocol, TransportKey key, Role role);
  ~PostBox() override;

  // The one door into the engine. Encodes at once, on this thread: straight into the link's output where this thread holds the
  // baton and nothing is queued, else into a pooled block. Exactly one outcome follows a request for which it returned OK.
  // Errors (nothing happens then): RESOURCE_EXHAUSTED full queue or size limit; ALREADY_EXISTS msgID in flight;
  // DEADLINE_EXCEEDED its time was over before; CANCELLED stopped; UNAVAILABLE the transport is gone; the codec's own.
  absl::Status Submit(Submission& submission, Encode encode);

  // Of all transports of this protocol on this loop.
  Counters& counters() const;

  // Ends a request as CANCELLED, in a later turn, unless it has its outcome by then.
  void Cancel(Token token);

  // Calls `told` once, on the protocol's executor and never inside this call: when at most half of the queue is taken and nobody
  // waits for room, which may be now, or when the transport has ended. Destroyed uncalled if the loop has ended.
  void WhenRoom(absl::AnyInvocable<void() &&> told);

  // A node for the queue: encoded into pooled blocks, charged to the budget, or waiting for room there. Errors: as Submit.
  absl::StatusOr<Outgoing*> Prepare(Submission& submission, Encode encode, bool in_loop);
  // Gives back what the message holds of the budget, or its place among those who wait.
  void Refund(Outgoing& outgoing);
  // Moves what the submission says into the node.
  void Describe(Submission& submission, Outgoing& outgoing);

  const ProtocolParts& protocol() const { return *protocol_; }
  const std::shared_ptr<const ProtocolParts>& shared_protocol() const { return protocol_; }
  const TransportKey& key() const { return key_; }
  Role role() const { return role_; }
  Shard& shard() const { return *shard_; }
  Budget& budget() { return budget_; }
  const Budget& budget() const { return budget_; }

  // Why a message cannot go to a transport that is gone. Thread: loop.
  absl::Status Closed() const;

  // Requests of the peer that it has cancelled, until they are answered. `told` is called once, on the protocol's executor: when
  // the request with this id is cancelled, or its channel dies; or now, on this thread, if that was before; or, once it was
  // answered, never. Thread: any.
  void OnCancelled(const MsgId& id, uint32_t channel, absl::AnyInvocable<void() &&> told);
  bool cancelled(const MsgId& id, uint32_t channel) const;
  // Thread: loop.
  void NoteCancelled(const MsgId& id);
  void Forget(const MsgId& id) {
    if (noted_.load(std::memory_order_relaxed) > 0) ForgetNoted(id);
  }

  // True once the transport has ended: nobody waits for a reply there.
  bool gone() const { return gone_.load(std::memory_order_acquire); }
  // The transport's present channel, by number: requests that came on an earlier one have nobody waiting for them.
  uint32_t channel() const { return channel_.load(std::memory_order_acquire); }

  // One-way messages that wait for their handlers, in bytes: they bound what is read. Thread: loop; any; any.
  void PostArrived(size_t bytes) { unhandled_bytes_.fetch_add(bytes + kPostOverhead, std::memory_order_relaxed); }
  void PostHandled(size_t bytes);
  size_t unhandled_bytes() const { return unhandled_bytes_.load(std::memory_order_relaxed); }

  // Who is, or was last, at the other end; empty before the first connect. Valid as long as the box.
  const PeerInfo& peer() const { return *peer_.load(std::memory_order_acquire); }

  // Thread: any.
  LinkState state() const { return state_.load(std::memory_order_relaxed); }
  // Requests that were sent and have no outcome. Written by the loop.
  Counter& in_flight() { return in_flight_; }
  const Counter& in_flight() const { return in_flight_; }

  // Tells on the loop, in this or a later turn: OK once there is a channel, or why there is none. Dials if need be. Thread: any.
  void WhenReady(absl::AnyInvocable<void(absl::Status) &&> told);
  // Ends the transport. Thread: any.
  void Close(absl::Status why);
  // Runs what the user gave where user code runs, and never before this returns. Thread: any.
  void RunForUser(absl::AnyInvocable<void() &&> told);

  // What the program has attached. Thread: any.
  void SetSession(std::any session);
  std::any session() const;
  void ClearSession();

  // What makes the transport, on its loop, when it is next looked for there. Thread: loop, or before others see the box.
  using Opener = absl::AnyInvocable<void() &&>;
  void set_opener(Opener opener) {
    opener_ = MakeRare<Opener>(std::move(opener));
    gone_.store(false, std::memory_order_release);
  }

  // Thread: loop for all that follows. Null once the transport is gone.
  Transport* transport() {
    if (opener_ != nullptr) Open();
    return transport_;
  }
  // The same, and null too while there is none yet.
  Transport* opened_transport() const { return transport_; }
  void set_state(LinkState state) { state_.store(state, std::memory_order_relaxed); }
  void set_transport(Transport* transport) {
    transport_ = transport;
    if (transport == nullptr) set_state(LinkState::unused);
    gone_.store(transport == nullptr);
    if (transport == nullptr && noted_.load() > 0) TellAllCancelled();
  }
  // A new channel begins.
  void set_peer(std::shared_ptr<const PeerInfo> peer);
  void set_channel(uint32_t number) {
    channel_.store(number);
    if (noted_.load() > 0) TellAllCancelled();
  }

 private:
  // What is known of a peer's request beside its handler.
  struct Noted {
    uint64_t number = 0;  // in the order in which they were first asked about
    bool cancelled = false;
    std::vector<absl::AnyInvocable<void() &&>> told;
  };
  // What few boxes ever have.
  struct Extras {
    Mutex mutex;
    absl::flat_hash_map<MsgId, Noted> noted ABSL_GUARDED_BY(mutex);
    uint64_t ever_noted ABSL_GUARDED_BY(mutex) = 0;  // how many there were
    std::any session ABSL_GUARDED_BY(mutex);         // what the program has attached
    // Each that there was before, since somebody may be looking at it; thread: loop.
    std::vector<std::shared_ptr<const PeerInfo>> former_peers;
  };
  // Makes them if need be.
  Extras& extras();

  void OnRoom() override;
  void Open();
  void ForgetNoted(const MsgId& id);
  // Tells everybody who waits for a cancellation on this channel: it is gone.
  void TellAllCancelled();
  absl::Status SubmitFromOutside(Submission& submission, Encode encode);
  // Calls it with the transport, in a later turn, if there still is one.
  template <class Call>
  void RunOnTransport(Call call);

  const Ref<Shard> shard_;
  const std::shared_ptr<const ProtocolParts> protocol_;
  const TransportKey key_;
  Budget budget_;
  RarePtr<Opener> opener_;
  Transport* transport_ = nullptr;
  // gone_ and channel_ are stored before noted_ is read, on the loop; OnCancelled stores noted_ before it reads them. All in one
  // order (sequentially consistent), so that one of the two sees the other.
  Atomic<uint32_t> channel_{0};
  Atomic<bool> gone_{false};
  Atomic<LinkState> state_{LinkState::unused};
  const Role role_;
  Counter in_flight_;
  static constexpr size_t kPostOverhead = 256;  // what one costs beside its bytes
  Atomic<size_t> unhandled_bytes_{0};
  Atomic<Extras*> extras_{nullptr};  // owned
  Atomic<size_t> noted_{0};          // how many requests are
  Atomic<const PeerInfo*> peer_;
  std::shared_ptr<const PeerInfo> kept_peer_;  // the same, once there was one; thread: loop
};

// Ends one request early, from any thread, also after everything else is gone. One handle per request; the last one counts.
class Cancellation {
 public:
  // The request ends as CANCELLED unless it has its outcome already. Idempotent. Thread: any.
  void Cancel();

 private:
  friend class PostBox;
  void Set(Ref<PostBox> box, Token token);

  Mutex mutex_;
  Ref<PostBox> box_ ABSL_GUARDED_BY(mutex_);
  Token token_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rain
