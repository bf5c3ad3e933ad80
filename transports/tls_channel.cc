#include "listenrain/transports/tls_channel.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "listenrain/framework/status.h"
#include "listenrain/transports/pending_pieces.h"

namespace rain {
namespace {

constexpr size_t kRecordBytes = TlsSession::kRecordBytes;
constexpr size_t kBatchBytes = 8 * kRecordBytes;
constexpr size_t kMostAnswerBytes = size_t{1} << 20;  // of TLS's own to a peer that does not read; a batch is less
constexpr size_t kSmallestRead = 4 << 10;
constexpr size_t kLargestRead = 64 << 10;
constexpr absl::string_view kFailedHandshakeUrl = "listenrain/failed_handshake";

// At most one batch of ciphertext pends in the channel below. What is written meanwhile stays as it is, and is shared.
class TlsChannel final : public Channel, private ChannelEvents, private TurnTask, private Timer {
 public:
  TlsChannel(std::shared_ptr<const TlsParts> parts, std::unique_ptr<Channel> below);
  ~TlsChannel() override { EndOfHandshake(); }

  void Start(Loop& home, ChannelEvents& events) override;
  void Write(absl::Span<const Buffer> pieces) override;
  void CloseWrite() override;
  uint64_t bytes_taken() const override;
  size_t pending_bytes() const override { return static_cast<size_t>(written_ - bytes_taken()); }
  void SetReading(bool reading) override;
  void Close(absl::Status why) override;
  std::shared_ptr<const PeerInfo> peer() const override { return peer_; }

 private:
  struct Record {
    uint64_t ciphertext_end;
    uint64_t end;
  };

  // Of the channel below.
  Buffer ReadBuffer(size_t hint) override;
  void OnRead(Buffer bytes) override;
  void OnDrained() override;
  void OnEnd() override;
  void OnClosed(absl::Status why) override;

  void OnTurn() override;
  void OnTimer() override;

  bool Handshake();
  void EndOfHandshake();
  void Flush();
  bool Sent(TlsResult written);
  TlsResult EncryptBatch();
  TlsResult EncryptRecord(size_t expected_bytes);
  void Send();
  void TellDrained();
  void Deliver();
  void DeliverOnce();
  void Peek();
  void ReadBelow();
  // Nothing that was read waits to be told.
  bool all_told() const { return incoming_ == TlsResult::wants_more || end_told_; }
  void Fail(absl::Status why);
  void Finish();

  const std::shared_ptr<const TlsParts> parts_;
  const std::unique_ptr<Channel> below_;
  std::shared_ptr<const PeerInfo> peer_;
  std::unique_ptr<TlsSession> session_;  // while open
  Loop* home_ = nullptr;                 // once started
  ChannelEvents* events_ = nullptr;

  PendingPieces pending_;        // not encrypted yet
  std::vector<Record> records_;  // of the last batch
  uint64_t written_ = 0;         // given to Write
  uint64_t encrypted_ = 0;       // of these
  uint64_t taken_before_ = 0;    // what was encrypted before the last batch
  uint64_t rekeyed_at_ = 0;      // of encrypted_

  TlsResult incoming_ = TlsResult::wants_more;  // done: there may be more to deliver. The others stay until they are told
  bool end_told_ = false;

  bool reading_ = true;
  bool reading_below_ = true;
  bool in_handshake_ = true;   // and counted
  bool handshaken_ = false;    // with success
  bool heard_ = false;         // a byte of the peer's was delivered
  bool write_closed_ = false;  // CloseWrite was called
  bool end_written_ = false;   // and told the peer
  bool awaits_word_ = false;   // writing does, which the peer is amid
  bool broken_ = false;        // the session can do no more
  bool owes_drained_ = false;  // bytes pended
  bool below_closed_ = false;  // its OnClosed came
  bool closed_ = false;
  bool finished_ = false;  // OnClosed was told
  absl::Status why_;
};

TlsChannel::TlsChannel(std::shared_ptr<const TlsParts> parts, std::unique_ptr<Channel> below)
    : parts_(std::move(parts)), below_(std::move(below)), peer_(below_->peer()) {
  parts_->handshakes.fetch_add(1, std::memory_order_relaxed);
  absl::string_view address = peer_->address;
  if (!absl::ConsumePrefix(&address, absl::StrCat(parts_->scheme_below, ":"))) return;
  PeerInfo named{absl::StrCat(parts_->scheme, ":", address), peer_->credentials};
  peer_ = std::make_shared<const PeerInfo>(std::move(named));
}

void TlsChannel::Start(Loop& home, ChannelEvents& events) {
  assert(home.InLoop() && events_ == nullptr);
  home_ = &home;
  events_ = &events;
  below_->Start(home, *this);
  if (closed_) return;
  session_ = std::make_unique<TlsSession>(parts_->session, peer_->address);
  if (!session_->failure().ok()) return Close(session_->failure());
  home.timers().Arm(*this, home.now() + parts_->handshake_timeout);
  if (parts_->dialing) Handshake();
}

// True when it is done.
bool TlsChannel::Handshake() {
  const TlsResult result = session_->Handshake();
  broken_ = result == TlsResult::failed;
  if (broken_) return Fail(session_->failure()), false;
  handshaken_ = result == TlsResult::done;
  if (handshaken_) EndOfHandshake();
  Send();
  return handshaken_;
}

// It takes neither a place among the handshakes nor time any more.
void TlsChannel::EndOfHandshake() {
  if (!std::exchange(in_handshake_, false)) return;
  parts_->handshakes.fetch_sub(1, std::memory_order_relaxed);
  if (home_ != nullptr) home_->timers().Cancel(*this);
}

void TlsChannel::OnTimer() {
  Fail(absl::UnavailableError(absl::StrCat(peer_->address, ": TLS handshake: not done within ",
                                           absl::FormatDuration(parts_->handshake_timeout),
                                           " (option handshake_timeout, in milliseconds)")));
}

void TlsChannel::Send() {
  const absl::Span<const Buffer> ciphertext = session_->Ciphertext();
  if (!ciphertext.empty()) below_->Write(ciphertext);
  session_->ClearCiphertext();
}

void TlsChannel::Write(absl::Span<const Buffer> pieces) {
  assert(home_ != nullptr && home_->InLoop());
  if (closed_ || write_closed_) return;
  for (const Buffer& piece : pieces) {
    if (piece.empty()) continue;
    written_ += piece.size();
    pending_.Append(piece.Share());
  }
  Flush();
  if (pending_bytes() > 0) owes_drained_ = true;
}

void TlsChannel::CloseWrite() {
  assert(home_ != nullptr && home_->InLoop());
  if (closed_ || std::exchange(write_closed_, true)) return;
  Flush();
}

// A record counts once it was taken as a whole: of less, the peer can read nothing.
uint64_t TlsChannel::bytes_taken() const {
  const uint64_t ciphertext = below_->bytes_taken();
  uint64_t taken = taken_before_;
  for (const Record& record : records_) {
    if (record.ciphertext_end > ciphertext) break;
    taken = record.end;
  }
  return taken;
}

// One batch after another, as long as the channel below takes them whole; then the end, if it is time.
void TlsChannel::Flush() {
  if (!handshaken_ || broken_) return;
  awaits_word_ = false;
  while (!pending_.empty() && below_->bytes_taken() == session_->ciphertext_bytes()) {
    if (!Sent(EncryptBatch())) return;
  }
  if (!write_closed_ || !pending_.empty() || end_written_) return;
  end_written_ = Sent(session_->WriteEnd());
  if (end_written_) below_->CloseWrite();
}

// False if that is all for now. When it takes the peer's word to go on, it is read whether or not anybody wants to read.
bool TlsChannel::Sent(TlsResult written) {
  broken_ = written == TlsResult::failed;
  if (broken_) return Fail(session_->failure()), false;
  Send();
  if (written == TlsResult::done) return true;
  awaits_word_ = true;
  if (incoming_ == TlsResult::done) Peek();
  ReadBelow();
  return false;
}

TlsResult TlsChannel::EncryptBatch() {
  records_.clear();
  taken_before_ = encrypted_;
  if (encrypted_ - rekeyed_at_ >= parts_->rekey_bytes && session_->Rekey()) rekeyed_at_ = encrypted_;
  const uint64_t end = encrypted_ + std::min(pending_.bytes(), kBatchBytes);
  while (encrypted_ < end) {
    const TlsResult result = EncryptRecord(static_cast<size_t>(end - encrypted_));
    if (result != TlsResult::done) return result;
    records_.push_back({session_->ciphertext_bytes(), encrypted_});
  }
  return TlsResult::done;
}

// Of a large piece as it lies there, or of small ones joined.
TlsResult TlsChannel::EncryptRecord(size_t expected_bytes) {
  iovec first;
  pending_.Gather({&first, 1});
  std::array<char, kRecordBytes> joined;
  const char* bytes = static_cast<const char*>(first.iov_base);
  size_t size = std::min(first.iov_len, kRecordBytes);
  if (size < kRecordBytes && size < pending_.bytes()) {
    bytes = joined.data();
    size = pending_.Copy(absl::MakeSpan(joined));
  }
  const TlsResult result = session_->Write(bytes, size, expected_bytes);
  if (result != TlsResult::done) return result;
  pending_.Drop(size);
  encrypted_ += size;
  return result;
}

void TlsChannel::TellDrained() {
  if (closed_ || !owes_drained_ || pending_bytes() > 0) return;
  owes_drained_ = false;
  events_->OnDrained();
}

void TlsChannel::OnDrained() {
  if (closed_) return;
  Flush();
  TellDrained();
}

void TlsChannel::SetReading(bool reading) {
  assert(home_ == nullptr || home_->InLoop());
  reading_ = reading;
  if (home_ == nullptr || closed_) return;
  ReadBelow();
  if (reading_ && !all_told()) home_->AtTurnEnd(*this);
}

// A handshake goes on whether or not anybody wants to read. After the peer's end it is seen whether the peer is still there.
void TlsChannel::ReadBelow() {
  const bool reads = !handshaken_ || end_told_ || ((reading_ || awaits_word_) && incoming_ == TlsResult::wants_more);
  if (std::exchange(reading_below_, reads) != reads) below_->SetReading(reads);
}

Buffer TlsChannel::ReadBuffer(size_t hint) {
  Buffer room = parts_->session.blocks->Allocate(std::clamp(hint, kSmallestRead, kLargestRead));
  if (room.empty()) Fail(absl::ResourceExhaustedError(absl::StrCat(peer_->address, ": no memory for what the peer sends")));
  return room;
}

void TlsChannel::OnRead(Buffer bytes) {
  if (closed_ || end_told_) return;  // what comes after the end means nothing
  if (below_->pending_bytes() > kMostAnswerBytes) {
    return Fail(absl::ResourceExhaustedError(absl::StrCat(peer_->address, ": TLS: the peer asks for answers and reads none")));
  }
  session_->Feed(std::move(bytes));
  if (!handshaken_) {
    if (!Handshake()) return;
    Flush();
    TellDrained();
    if (closed_) return;
  }
  incoming_ = TlsResult::done;
  Deliver();
}

// Events may call anything but the destructor: look at closed_ after each.
void TlsChannel::Deliver() {
  while (!closed_ && reading_) {
    if (incoming_ == TlsResult::done) Peek();
    if (all_told()) break;
    if (incoming_ == TlsResult::failed) return Fail(session_->failure());
    if (incoming_ == TlsResult::ended) {
      end_told_ = true;
      events_->OnEnd();
    } else {
      DeliverOnce();
    }
  }
  if (closed_) return;
  ReadBelow();
  Flush();
  TellDrained();
  if (!finished_ && below_closed_ && all_told()) Finish();
}

void TlsChannel::Peek() {
  incoming_ = session_->Peek();
  broken_ = incoming_ == TlsResult::failed;
  Send();
}

void TlsChannel::DeliverOnce() {
  Buffer room = events_->ReadBuffer(session_->ready_bytes());
  if (closed_) return;
  if (room.empty()) {
    reading_ = false;
    return;
  }
  size_t filled = 0;
  while (filled < room.size() && incoming_ == TlsResult::done) {
    size_t got = 0;
    incoming_ = session_->Read(room.mutable_data() + filled, room.size() - filled, got);
    filled += got;
  }
  broken_ = incoming_ == TlsResult::failed;
  Send();
  heard_ = true;
  room.Truncate(filled);
  events_->OnRead(std::move(room));
}

void TlsChannel::OnEnd() {
  if (closed_ || end_told_) return;
  absl::string_view what = handshaken_ ? ": TLS: the stream was cut off, by the peer's death or by somebody between"
                                       : ": TLS handshake: the peer ended the stream";
  Fail(absl::UnavailableError(absl::StrCat(peer_->address, what)));
}

// What had arrived is delivered first, when it is wanted.
void TlsChannel::OnClosed(absl::Status why) {
  below_closed_ = true;
  if (closed_) return Finish();
  why_ = handshaken_ ? std::move(why) : At(absl::StrCat(peer_->address, ": TLS handshake"), why);
  if (!handshaken_ && parts_->dialing) why_.SetPayload(kFailedHandshakeUrl, absl::Cord());
  if (incoming_ == TlsResult::done) Peek();
  if (all_told()) Finish();
}

// The peer is told why, if TLS has a word for it.
void TlsChannel::Fail(absl::Status why) {
  Send();
  if (parts_->dialing && (!handshaken_ || (broken_ && !heard_))) why.SetPayload(kFailedHandshakeUrl, absl::Cord());
  Close(std::move(why));
}

void TlsChannel::Close(absl::Status why) {
  assert(home_ == nullptr || home_->InLoop());
  if (closed_) return;
  if (handshaken_ && !broken_ && !end_written_ && pending_bytes() == 0) {  // else the peer would be told an end too early
    session_->WriteEnd();
    Send();
  }
  closed_ = true;
  why_ = std::move(why);
  EndOfHandshake();
  pending_.Clear();
  session_.reset();
  if (below_closed_) return home_->AtTurnEnd(*this);
  below_->Close(absl::CancelledError("closed above"));
}

void TlsChannel::OnTurn() {
  if (!closed_) return Deliver();
  if (below_closed_ && !finished_) Finish();
}

void TlsChannel::Finish() {
  closed_ = finished_ = true;
  EndOfHandshake();
  pending_.Clear();
  session_.reset();
  events_->OnClosed(std::move(why_));
}

}  // namespace

std::unique_ptr<Channel> NewTlsChannel(std::shared_ptr<const TlsParts> parts, std::unique_ptr<Channel> below) {
  return std::make_unique<TlsChannel>(std::move(parts), std::move(below));
}

bool IsFailedHandshake(const absl::Status& why) { return why.GetPayload(kFailedHandshakeUrl).has_value(); }

}  // namespace rain
