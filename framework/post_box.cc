#include "listenrain/framework/post_box.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/outgoing.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/status.h"
#include "listenrain/framework/transport.h"

namespace rain {

namespace {

// Before the first connect.
const PeerInfo& Nobody() {
  static const auto* const nobody = new PeerInfo;  // some boxes outlive everything
  return *nobody;
}

}  // namespace

PostBox::PostBox(Ref<Shard> shard, std::shared_ptr<const ProtocolParts> protocol, TransportKey key, Role role)
    : shard_(std::move(shard)),
      protocol_(std::move(protocol)),
      key_(std::move(key)),
      budget_(protocol_->limits.max_queued_bytes, protocol_->limits.max_queued_packets, *this),
      role_(role),
      peer_(&Nobody()) {}

PostBox::~PostBox() { delete extras_.load(std::memory_order_acquire); }

PostBox::Extras& PostBox::extras() {
  Extras* made = extras_.load(std::memory_order_acquire);
  if (made != nullptr) return *made;
  auto extras = std::make_unique<Extras>();
  if (!extras_.compare_exchange_strong(made, extras.get(), std::memory_order_acq_rel)) return *made;  // somebody was faster
  return *extras.release();
}

void PostBox::OnRoom() {
  RunOnTransport([](Transport& transport) { transport.OnRoom(); });
}

Counters& PostBox::counters() const { return shard_->DispatcherOf(protocol_).counters; }

absl::Status PostBox::Submit(Submission& submission, Encode encode) {
  Loop& loop = shard_->loop();
  const bool inside = loop.InLoop();
  if (submission.is_request()) {
    const absl::Duration timeout = submission.header.remaining;
    const Instant now = inside ? loop.now() : loop.clock().Now();
    if (submission.begun.infinite()) {
      submission.begun = now;
      submission.deadline = now + timeout;
    } else if (now > submission.begun) {  // it has waited for the loop
      submission.header.remaining = submission.deadline - now;
    }
    if (submission.header.remaining < absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          key_.text(), ": the request's time was over before it was sent: its timeout is ", absl::FormatDuration(timeout)));
    }
  }
  if (!inside) return SubmitFromOutside(submission, encode);
  if (Transport* open = transport(); open != nullptr) return open->Submit(submission, encode);
  return Closed();
}

bool PostBox::cancelled(const MsgId& id, uint32_t channel) const {
  if (noted_.load(std::memory_order_acquire) > 0) {
    Extras& extras = *extras_.load(std::memory_order_acquire);
    MutexLock lock(extras.mutex);
    const auto found = extras.noted.find(id);
    if (found != extras.noted.end() && found->second.cancelled) return true;
  }
  // Looked at last: where a channel's end has swept what was noted, it is seen here.
  return gone() || channel != this->channel();
}

void PostBox::Open() {
  const RarePtr<Opener> opener = std::exchange(opener_, nullptr);
  std::move (*opener)();
}

void PostBox::OnCancelled(const MsgId& id, uint32_t channel, absl::AnyInvocable<void() &&> told) {
  {
    Extras& extras = this->extras();
    MutexLock lock(extras.mutex);
    Noted& noted = extras.noted[id];
    if (noted.number == 0) noted.number = ++extras.ever_noted;
    noted_.store(extras.noted.size());
    // Looked at after it was noted: a channel that ends now finds it.
    if (!noted.cancelled && !gone_.load() && channel == channel_.load()) return noted.told.push_back(std::move(told));
  }
  std::move(told)();
}

void PostBox::NoteCancelled(const MsgId& id) {
  std::vector<absl::AnyInvocable<void() &&>> told;
  {
    Extras& extras = this->extras();
    MutexLock lock(extras.mutex);
    Noted& noted = extras.noted[id];
    noted.cancelled = true;
    told.swap(noted.told);
    noted_.store(extras.noted.size(), std::memory_order_release);
  }
  for (auto& each : told) RunForUser(std::move(each));
}

void PostBox::ForgetNoted(const MsgId& id) {
  absl::flat_hash_map<MsgId, Noted>::node_type forgotten;  // ends outside the lock
  Extras& extras = this->extras();
  MutexLock lock(extras.mutex);
  forgotten = extras.noted.extract(id);
  noted_.store(extras.noted.size(), std::memory_order_release);
}

// What an inline executor would run here runs in a later turn: here a transport may be about to end.
void PostBox::RunForUser(absl::AnyInvocable<void() &&> told) {
  if (protocol_->executor->concurrency() == 0) return shard_->loop().Run(std::move(told));
  GuardedAndLogged("the executor", [&] { protocol_->executor->Run(std::move(told)); });
}

void PostBox::TellAllCancelled() {
  absl::flat_hash_map<MsgId, Noted> all;
  {
    Extras& extras = this->extras();
    MutexLock lock(extras.mutex);
    all.swap(extras.noted);
    noted_.store(0, std::memory_order_release);
  }
  std::vector<Noted*> in_order;
  for (auto& [id, noted] : all) in_order.push_back(&noted);
  std::sort(in_order.begin(), in_order.end(), [](const Noted* a, const Noted* b) { return a->number < b->number; });
  for (Noted* noted : in_order) {
    for (auto& each : noted->told) RunForUser(std::move(each));
  }
}

void PostBox::WhenReady(absl::AnyInvocable<void(absl::Status) &&> told) {
  shard_->Execute([box = Ref<PostBox>::Share(this), told = std::move(told)]() mutable {
    if (Transport* open = box->transport(); open != nullptr) return open->WhenReady(std::move(told));
    std::move(told)(box->Closed());
  });
}

void PostBox::Close(absl::Status why) {
  RunOnTransport([why = std::move(why)](Transport& transport) { transport.End(Fresh(why)); });
}

void PostBox::SetSession(std::any session) {
  Extras& extras = this->extras();
  MutexLock lock(extras.mutex);
  extras.session.swap(session);  // the former one ends outside the lock
}

std::any PostBox::session() const {
  Extras* const extras = extras_.load(std::memory_order_acquire);
  if (extras == nullptr) return {};
  MutexLock lock(extras->mutex);
  return extras->session;
}

void PostBox::ClearSession() {
  if (extras_.load(std::memory_order_acquire) != nullptr) SetSession(std::any());
}

void PostBox::set_peer(std::shared_ptr<const PeerInfo> peer) {
  assert(peer != nullptr);
  if (kept_peer_ == nullptr) {
    kept_peer_ = std::move(peer);
  } else if (*kept_peer_ != *peer) {
    auto& former = extras().former_peers;
    auto known = std::find_if(former.begin(), former.end(), [&](const auto& each) { return *each == *peer; });
    if (known == former.end()) known = former.insert(known, std::move(peer));
    known->swap(kept_peer_);
  }
  peer_.store(kept_peer_.get(), std::memory_order_release);
}

absl::Status PostBox::Closed() const {
  if (shard_->ending()) return absl::CancelledError(absl::StrCat("this ListenRain is ", shard_->shut() ? "stopped" : "draining"));
  return absl::UnavailableError(absl::StrCat("the transport to ", key_.text(), " is closed"));
}

absl::StatusOr<Outgoing*> PostBox::Prepare(Submission& submission, Encode encode, bool in_loop) {
  PooledWriter writer(shard_->buffers(), protocol_->limits.max_packet_bytes);
  if (absl::Status status = writer.Begin(); !status.ok()) return status;
  if (absl::Status status = EncodeGuarded(protocol_->traits, submission.header, encode, writer); !status.ok()) return status;
  const size_t size = writer.size();
  // Answers to requests that were accepted always find room: the window bounds them.
  bool charged = submission.is_request() || submission.header.kind == MessageKind::one_way;
  if (charged) {
    absl::Status status = budget_.Charge(size);
    charged = status.ok();
    if (!charged && !(submission.wait_for_room && budget_.BeginWaiting(size))) {
      if (submission.is_request()) counters().refused_full.AddShared();
      return status;
    }
  }
  Outgoing& outgoing = in_loop ? shard_->nodes().NewInLoop() : shard_->nodes().New();
  outgoing.payload = writer.Take();
  outgoing.size = size;
  outgoing.charged = charged;
  outgoing.waits = submission.wait_for_room && !charged;
  Describe(submission, outgoing);
  return &outgoing;
}

void PostBox::Describe(Submission& submission, Outgoing& outgoing) {
  outgoing.header = std::move(submission.header);
  outgoing.where = submission.where;
  outgoing.idempotent = submission.idempotent;
  outgoing.wait_for_ready = submission.wait_for_ready;
  outgoing.priority = submission.priority;
  outgoing.answered_bytes = submission.answered_bytes;
  outgoing.channel = submission.channel;
  outgoing.begun = submission.begun;
  outgoing.deadline = submission.deadline;
  outgoing.completion = submission.waiter;
  if (submission.make != nullptr) (*submission.make)(outgoing);
  // Tokens of other messages are never retired.
  if (submission.cancellation != nullptr && submission.is_request())
    submission.cancellation->Set(Ref<PostBox>::Share(this), outgoing.token);
}

void PostBox::Refund(Outgoing& outgoing) {
  if (std::exchange(outgoing.charged, false)) budget_.Release(outgoing.size);
  if (std::exchange(outgoing.waits, false)) budget_.EndWaiting();
}

// Where there is none yet, or no more, there is nothing to call.
template <class Call>
void PostBox::RunOnTransport(Call call) {
  shard_->loop().Run([box = Ref<PostBox>::Share(this), call = std::move(call)]() mutable {
    if (box->transport_ != nullptr) call(*box->transport_);
  });
}

// In a later turn, on the loop too: the request may still be in the mailbox, and that is looked into first.
void PostBox::Cancel(Token token) {
  shard_->loop().Run([box = Ref<PostBox>::Share(this), token] {
    if (box->transport_ != nullptr && box->transport_->Cancel(token)) return;
    // It may still be on its way to the mailbox, on another thread: then it ends when it comes.
    Outgoing* coming = box->shard_->nodes().Named(token);
    if (coming != nullptr) coming->cancelled.store(true, std::memory_order_relaxed);
  });
}

void PostBox::WhenRoom(absl::AnyInvocable<void() &&> told) {
  shard_->loop().Run([box = Ref<PostBox>::Share(this), told = std::move(told)]() mutable {
    if (box->transport_ != nullptr) return box->transport_->WhenRoom(std::move(told));
    box->RunForUser(std::move(told));
  });
}

absl::Status PostBox::SubmitFromOutside(Submission& submission, Encode encode) {
  absl::StatusOr<Outgoing*> outgoing = Prepare(submission, encode, false);
  if (!outgoing.ok()) return outgoing.status();
  (*outgoing)->box = Ref<PostBox>::Share(this);
  if (shard_->Mail(**outgoing)) return absl::OkStatus();
  Refund(**outgoing);
  shard_->nodes().Recycle(**outgoing);
  return absl::CancelledError("this ListenRain is stopped");
}

// Where half of what is allowed is crossed, the transport that may have stopped reading is told.
void PostBox::PostHandled(size_t bytes) {
  const size_t weight = bytes + kPostOverhead;
  const size_t before = unhandled_bytes_.fetch_sub(weight, std::memory_order_relaxed);
  const size_t half = protocol_->limits.max_queued_bytes / 2;
  if (before <= half || before - weight > half) return;
  RunOnTransport([](Transport& transport) { transport.PostsHandled(); });
}

absl::Status EncodeGuarded(const CodecTraits& traits, const MessageHeader& header, Encode encode, PayloadWriter& writer) {
  absl::Status status = Guarded("the message codec, encoding,", [&] { return encode(header, writer); });
  if (status.ok()) status = writer.status();
  if (!status.ok() || writer.size() >= traits.header_bytes) return status;
  return absl::InvalidArgumentError(absl::StrCat("the message codec wrote ", writer.size(),
                                                 " bytes, where its traits promise a header of ", traits.header_bytes));
}

void Cancellation::Set(Ref<PostBox> box, Token token) {
  MutexLock lock(mutex_);
  std::swap(box_, box);  // the former one ends outside the lock
  token_ = token;
}

void Cancellation::Cancel() {
  Ref<PostBox> box;
  Token token = 0;
  {
    MutexLock lock(mutex_);
    box = std::move(box_);
    token = token_;
  }
  if (box) box->Cancel(token);
}

}  // namespace rain
