// Transport: a link to one peer, the requests in flight on it either way, their deadlines, and the queue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/deadline_line.h"
#include "listenrain/framework/delay_timer.h"
#include "listenrain/framework/delivery.h"
#include "listenrain/framework/dispatcher.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/in_flight.h"
#include "listenrain/framework/link.h"
#include "listenrain/framework/outgoing.h"
#include "listenrain/framework/post_box.h"
#include "listenrain/framework/queue.h"
#include "listenrain/framework/rarely.h"
#include "listenrain/framework/redialer.h"
#include "listenrain/framework/retry_budget.h"
#include "listenrain/framework/ring.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/stat_machine_pool.h"

namespace rain {

// Who made a transport, and is told of its end. Shared by those that it made. Thread: loop.
class TransportKeeper : public RefCounted {
 public:
  // The transport of this box has ended: nobody shall be sent there any more.
  virtual void OnGone(PostBox& box) = 0;
  // After that, if it ended for want of use: whoever asks the box again shall dial anew.
  virtual void OnRest(PostBox&) {}
};

// Made on its loop: by the transport pool to dial, by an acceptor for an accepted channel. Housed by the shard. One that dials
// outlives its channels, and ends when its generator gives up; an accepted one ends with its channel; each with the shard. Others
// reach it through its post box. Thread: loop.
class Transport final : public Resident, private LinkEvents, private DeadlineOwner, private RedialEvents {
 public:
  Transport(Ref<PostBox> box, std::shared_ptr<const RequestSink> sink, Ref<TransportKeeper> keeper);
  ~Transport() override;

  // Asks the generator for a channel, and for another one whenever it died; messages wait meanwhile.
  void Dial(std::unique_ptr<ChannelGenerator> generator);
  void Attach(std::unique_ptr<Channel> channel);

  // PostBox::Submit, for a thread that holds the baton.
  absl::Status Submit(Submission& submission, Encode encode);
  // A message from the mailbox: to its box's transport, or to its end if that is gone.
  static void Accept(Outgoing& outgoing);
  // False if no request here has this token.
  bool Cancel(Token token);
  // Tells, at once or later in this loop, when there is a channel; or why there is none.
  using Ready = absl::AnyInvocable<void(absl::Status) &&>;
  void WhenReady(Ready told);
  // Fewer one-way messages wait for their handlers: reading may go on.
  void PostsHandled() { WatchBacklog(); }
  // PostBox::WhenRoom, on the loop.
  void WhenRoom(absl::AnyInvocable<void() &&> told);
  // Something was released that those who wait for room may have.
  void OnRoom();
  // A request of the peer's that ends without a word, since the wire has none for errors.
  void DropUnanswered(const MsgId& id, size_t bytes, uint32_t channel);

  // Fails what is in flight, drops what is queued, abandons the channel.
  void End(absl::Status why) override { EndBecause(std::move(why), FailureReason::closed); }
  void BeginDrain(const Ref<Drain>& drain) override;

  // What is in flight here, with the oldest calls, so many at most; its counts are 0 where that is nothing. Looks at
  // `most_calls` of our requests, and at all of the peer's, which limits bound.
  TransportInFlight InFlight(size_t most_calls) const;
  Ref<PostBox> TransportBox() const override { return box_; }

 private:
  // A request of the peer's that has no answer yet.
  struct Asked {
    Instant came;
    Instant deadline;
    size_t bytes = 0;
  };

  // Where replies come in the order of their requests, and ids are counted on both sides.
  struct Ordered {
    uint64_t requests_sent = 0;      // the last id given
    uint64_t replies_received = 0;   // the id of the last reply; between the two, requests and tombstones
    uint64_t requests_received = 0;  // the last id
    uint64_t next_answer = 1;        // whose reply leaves next
    Ring<Outgoing*> early_answers;   // replies from next_answer on, null where one is missing
  };

  // Requests of ours (transport_requests.cc).
  absl::Status SubmitDirect(Submission& submission, Encode encode);
  absl::Status AskDirect(Submission& submission, Encode encode);
  absl::Status TellDirect(const Submission& submission, Encode encode);
  absl::Status EncodeDirect(const MessageHeader& header, Encode encode);
  absl::Status SubmitQueued(Submission& submission, Encode encode);
  absl::Status CheckAnswered(size_t answered_bytes, uint32_t channel);
  absl::Status Admit(Outgoing& outgoing, FailureReason& reason);
  bool MayWriteDirectly(const Submission& submission) const;
  bool WindowHas(size_t bytes) const;
  absl::Status GiveId(Outgoing& request);
  void Depart(Outgoing& request, size_t packet_bytes);
  void WriteQueued(Outgoing& outgoing);
  void Leave(Outgoing& request);
  void WriteFailed(Outgoing& request, absl::Status why);
  void DropPost(Outgoing& post);
  void CountSent(MessageKind kind, size_t packet_bytes);

  // Their outcomes (transport_outcomes.cc).
  BytesSent SentOf(const Outgoing& request) const;
  // Nullopt: the channel's death, and what was sent by then tells.
  using Reason = std::optional<FailureReason>;
  void Fail(Outgoing& request, absl::Status why, Reason reason);
  void Fail(Outgoing& request, absl::Status why, Reason reason, BytesSent sent);
  void GiveUp(Outgoing& request, absl::Status why, FailureReason reason);
  bool IsHeldByTombstones() const;
  void FailAll(const absl::Status& why, Reason reason);
  void EndBecause(absl::Status why, Reason reason);
  static void TellFailure(Dispatcher& dispatcher, Outgoing& request, absl::Status why);
  void OnReply(MessageHeader&& header, Payload&& payload);
  void EndedByError(const MessageHeader& header, const Payload& payload);
  void OnDeadline(Outgoing& outgoing) override;

  // The queue, before and behind it (transport_queue.cc).
  void Enqueue(Outgoing& outgoing);
  void Pump();
  void PumpAll();
  void PumpQueue();
  bool AsksNothing();
  void AwaitRoom(Outgoing& request);
  void TakeRoom();
  void TellRoom();
  void FailWaiters(const absl::Status& why);

  // Requests of the peer (transport_answers.cc).
  void OnRequest(MessageHeader&& header, Payload&& payload);
  void Refuse(const MessageHeader& request, absl::Status why);
  void AnswerError(const MsgId& id, const absl::Status& why, bool in_place);
  void OnGoAway();
  void NoteAnswered(const MessageHeader& reply, size_t bytes, Outgoing* answer);
  void QueueAnswer(Outgoing& answer);
  void LineUp(Outgoing& answer);
  void WriteAnswer(Outgoing& answer);
  void DropAnswer(Outgoing& answer);
  void OnStalled();
  void WatchBacklog();
  void MaybeFinish();
  void SendControl(MessageKind kind, const MsgId& id);
  void OnCancel(const MsgId& id);

  void OnQuieter();

  // For those who look (transport_in_flight.cc).
  CallStage StageOf(const Outgoing& request) const;
  const Outgoing* EarlyAnswer(const MsgId& id) const;

  // Upkeep (transport_upkeep.cc).
  void BeginUpkeep();
  void EndUpkeep();
  void OnIdle();
  void OnKeepalive();
  void OnRest();
  void Rest(absl::string_view why);
  void TellReady(const absl::Status& status);
  void TellConnected();
  void TellDisconnected(const absl::Status& why);

  // The channel's end, and the next one (transport_reconnect.cc).
  void OnDialed(std::unique_ptr<Channel> channel) override;
  void OnBetter(std::unique_ptr<Channel> channel) override;
  bool Quiet() const;
  void MaybeMove();
  void MoveTo(std::unique_ptr<Channel> better);
  void OnPatienceOver();
  absl::Duration Patience() const;
  void Unlink(const absl::Status& why);
  bool OnAttemptDue() override;
  void OnDialFailed(const absl::Status& why) override;
  void OnGivenUp(absl::Status why) override;
  void Hangup(absl::Status why);
  void Lose(absl::Status why);
  void SettleSent(const absl::Status& why);
  std::vector<Outgoing*> SortSent(std::vector<UntakenPacket> untaken, std::vector<Outgoing*> sent, const absl::Status& why);
  void AddAgain(Outgoing& request);
  Outgoing* PostOf(UntakenPacket packet);
  void ForgetPeersRequests();
  void ReleaseCharges();

  // From the link.
  bool OnPacket(Payload&& payload) override;
  void OnReadDone() override;
  size_t awaited_packets() const override;
  void OnTaken(const ChargedPacket& packet) override;
  void OnWritable() override;
  void OnLinkEnd() override;
  void OnLinkClosed(absl::Status why) override;

  absl::StatusOr<MessageHeader> Peek(const Payload& payload) const;
  bool in_order() const { return ordered_ != nullptr; }
  bool draining() const { return draining_.made(); }
  // There is no channel, and the last attempt to get one failed.
  bool down() const { return link_ == nullptr && redialer_ != nullptr && redialer_->down(); }
  // False once nothing more of this channel shall be delivered.
  bool Reading() const { return !ended_ && link_ != nullptr && link_->open(); }
  // Our own ones are made when they are needed first: who only answers needs neither.
  Queue& queue() {
    if (queue_ == nullptr) queue_ = NewFifoQueue();
    return *queue_;
  }
  bool nothing_queued() const { return queue_ == nullptr || queue_->size() == 0; }
  StatMachinePool& requests() {
    if (requests_ == nullptr) requests_ = NewStatMachinePool(shard_.nodes());
    return *requests_;
  }
  ObservedTransport observed() const;
  void LogOfPeer(absl::string_view what) const;
  template <class F>
  void Observe(F tell) {
    if (observer_ != nullptr) GuardedAndLogged("the observer", [&] { tell(*observer_); });
  }
  Loop& loop() const { return shard_.loop(); }
  Instant now() const { return loop().now(); }

  const Ref<PostBox> box_;
  RefBank<PostBox> boxes_;
  Shard& shard_;
  Dispatcher& dispatcher_;
  Counters& counters_;
  const HeaderCodec& codec_;
  const CodecTraits& traits_;
  const Limits& limits_;
  const RarePtr<Ordered> ordered_;  // null elsewhere
  Observer* const observer_;
  const std::shared_ptr<const RequestSink> sink_;  // null: requests of the peer are refused
  const Ref<TransportKeeper> keeper_;
  Rarely<std::vector<Ready>> ready_;
  std::unique_ptr<Redialer> redialer_;  // null: an accepted channel
  std::unique_ptr<Link> link_;          // null while there is no channel
  // Side by side, since there is one of these for each connection.
  uint32_t channel_;  // its number; the box has had those before
  const bool built_in_queue_;
  bool wanted_ = false;           // somebody asked for a channel since the last attempt, or since there was one
  bool leaving_ = false;          // the peer goes away: the present channel gets no more requests
  bool holding_ = false;          // requests wait for another channel
  bool paused_ = false;           // not reading: the peer takes no replies
  bool pinged_ = false;           // and nothing was read since
  bool was_undecodable_ = false;  // something that the peer sent, and it was logged
  bool ended_ = false;
  std::unique_ptr<Channel> better_;             // to move to, once the present one is quiet
  RareTimer<&Transport::OnPatienceOver> hold_;  // begins and ends that, while there is a better one
  Instant first_read_ = Instant::Infinite();

  // Ours.
  std::unique_ptr<Queue> queue_;
  IntrusiveList<Outgoing, &Outgoing::queue_hook> waiters_;        // for room in the queue
  Rarely<std::vector<absl::AnyInvocable<void() &&>>> when_room_;  // who asked to be told
  std::unique_ptr<StatMachinePool> requests_;
  DeadlineLine deadlines_;
  Counter& window_requests_;  // sent and without outcome
  size_t window_bytes_ = 0;
  RetryBudget retries_;
  Instant given_up_;  // when the last request was that had been written

  // The peer's.
  IntrusiveList<Outgoing, &Outgoing::queue_hook> answers_;  // replies and control, ahead of the queue
  size_t answers_bytes_ = 0;                                // of these, and of early ones
  size_t asked_ = 0;                                        // requests accepted and not answered
  size_t asked_bytes_ = 0;
  Rarely<absl::flat_hash_map<MsgId, Asked>> asked_by_id_;  // these, but for the one whose handler runs right now
  const MsgId* handling_ = nullptr;                        // that one's id, until it is answered
  struct Draining {
    std::vector<Ref<Drain>> drains;
    DrainReport report;
  };
  Rarely<Draining> draining_;
  uint64_t taken_at_pause_ = 0;
  RareTimer<&Transport::OnStalled> stall_;

  Instant last_read_;
  DelayTimer<&Transport::OnIdle> idle_{*this};    // until memory is given back
  RareTimer<&Transport::OnKeepalive> keepalive_;  // until the peer is pinged, or given up
  uint64_t before_ping_ = 0;                      // how much had been written when it was pinged
  uint64_t taken_at_look_ = 0;                    // how much of it was taken when that was looked at last
  RareTimer<&Transport::OnRest> rest_;            // until an unused channel is closed
  uint64_t rested_at_ = 0;                        // how much had been written when that was looked at last
};

}  // namespace rain
