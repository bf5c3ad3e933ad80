#include "listenrain/testing/watched_channel.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/testing/violations.h"

namespace rain {
namespace {

// Bytes of chance, again and again; the length is a prime, so that no round size falls together with it.
constexpr size_t kPeriod = 65521;

const std::string& Table() {
  static const auto& table = *[] {
    auto* bytes = new std::string(kPeriod, '\0');
    Dice dice(42);
    for (char& byte : *bytes) byte = dice.Byte();
    return bytes;
  }();
  return table;
}

// Runs through the stream's bytes from `at` on, as stretches of the table.
template <class Visit>
bool ForStream(uint64_t stream, uint64_t at, size_t count, Visit visit) {
  size_t offset = static_cast<size_t>((stream + at) % kPeriod);
  for (size_t done = 0; done < count;) {
    const size_t stretch = std::min(count - done, kPeriod - offset);
    if (!visit(Table().data() + offset, done, stretch)) return false;
    done += stretch;
    offset = 0;
  }
  return true;
}

void Fill(uint64_t stream, uint64_t at, char* to, size_t count) {
  ForStream(stream, at, count, [to](const char* from, size_t offset, size_t stretch) {
    std::memcpy(to + offset, from, stretch);
    return true;
  });
}

bool Equals(uint64_t stream, uint64_t at, absl::string_view bytes) {
  return ForStream(stream, at, bytes.size(), [bytes](const char* expected, size_t offset, size_t stretch) {
    return std::memcmp(bytes.data() + offset, expected, stretch) == 0;
  });
}

}  // namespace

WatchedChannel::WatchedChannel(std::string name, Loop& loop, ChannelWatcher& watcher, uint64_t stream_out, uint64_t stream_in)
    : name_(std::move(name)), loop_(loop), watcher_(watcher), stream_out_(stream_out), stream_in_(stream_in) {}

WatchedChannel::~WatchedChannel() { Destroy(); }

void WatchedChannel::Violation(absl::string_view what) { watcher_.OnViolation(absl::StrCat(name_, ": ", what)); }

void WatchedChannel::Call(const char* name, absl::FunctionRef<void()> call) {
  const char* outer = std::exchange(in_call_, name);
  call();
  in_call_ = outer;
  if (channel_ != nullptr) CheckCounts(name);
}

void WatchedChannel::CheckCounts(const char* when) {
  const uint64_t now_taken = taken();
  if (now_taken < last_taken_)
    Violation(absl::StrCat("bytes_taken() went back from ", last_taken_, " to ", now_taken, " in ", when));
  last_taken_ = now_taken;
  if (now_taken > written_)
    Violation(absl::StrCat("bytes_taken() is ", now_taken, " after ", when, ", of ", written_, " written"));
  if (closing_ || closed_.has_value()) return;
  if (now_taken + pending() != written_ && suspicion_.empty()) {
    suspicion_ = absl::StrCat("bytes_taken() ", now_taken, " and pending_bytes() ", pending(), " do not make the ", written_,
                              " bytes written, after ", when);
  }
  if (pending() > 0) owes_drained_ = true;
}

void WatchedChannel::Adopt(std::unique_ptr<Channel> channel) {
  channel_ = std::move(channel);
  CheckCounts("being made");
}

void WatchedChannel::Start() {
  Call("Start", [this] { channel_->Start(loop_, *this); });
}

void WatchedChannel::Write(size_t bytes, size_t pieces, BufferPool* pool) {
  std::vector<Buffer> buffers;
  uint64_t at = written_;
  for (size_t i = 0; i < pieces; ++i) {
    const size_t size = (i + 1) * bytes / pieces - i * bytes / pieces;
    Buffer piece = pool != nullptr ? pool->Allocate(size) : Buffer::Adopt(std::string(size, '\0'));
    Fill(stream_out_, at, piece.mutable_data(), size);
    at += size;
    if (i > 0) buffers.emplace_back();
    buffers.push_back(std::move(piece));
  }
  if (!write_closed_ && !closing_ && !closed_.has_value()) written_ = at;
  Call("Write", [&] { channel_->Write(buffers); });
}

void WatchedChannel::CloseWrite() {
  write_closed_ = true;
  Call("CloseWrite", [this] { channel_->CloseWrite(); });
}

void WatchedChannel::SetReading(bool reading) {
  reading_ = reading;
  Call("SetReading", [&] { channel_->SetReading(reading); });
}

void WatchedChannel::Close(absl::Status why) {
  closing_ = true;
  Call("Close", [&] { channel_->Close(std::move(why)); });
}

void WatchedChannel::Destroy() {
  if (channel_ == nullptr) return;
  if (!suspicion_.empty() && !closing_ && !closed_.has_value()) Violation(suspicion_);
  Call("the destructor", [this] { channel_.reset(); });
}

void WatchedChannel::Event(const char* name) {
  if (in_call_ != nullptr) Violation(absl::StrCat(name, " inside a call of ", in_call_));
  if (in_event_ != nullptr) Violation(absl::StrCat(name, " inside ", in_event_));
  if (channel_ == nullptr) return Violation(absl::StrCat(name, " after the channel was destroyed"));
  if (!loop_.InLoop()) Violation(absl::StrCat(name, " on a thread without the loop's baton"));
  const bool last = std::strcmp(name, "OnClosed") == 0;
  if (closed_.has_value()) Violation(absl::StrCat(name, " after OnClosed"));
  if (closing_ && !last) Violation(absl::StrCat(name, " after Close"));
  if (!last) {
    CheckCounts(name);
    if (!suspicion_.empty()) Violation(suspicion_);
  }
  in_event_ = name;
}

void WatchedChannel::After(const char* name, const std::function<void()>& hook) {
  if (hook) hook();
  in_event_ = nullptr;
  if (channel_ != nullptr) CheckCounts(name);
  watcher_.OnProgress();
}

Buffer WatchedChannel::ReadBuffer(size_t hint) {
  Event("ReadBuffer");
  ++asked_;
  if (!reading_) Violation("ReadBuffer while it shall not read");
  in_event_ = nullptr;
  if (refuse_buffers) {
    reading_ = false;
    watcher_.OnProgress();
    return Buffer();
  }
  return Buffer::Adopt(std::string(std::clamp<size_t>(hint, 1, 1 << 20), '\0'));
}

void WatchedChannel::OnRead(Buffer bytes) {
  Event("OnRead");
  if (!reading_) Violation("OnRead while it shall not read");
  if (ends_ > 0) Violation("OnRead after OnEnd");
  if (bytes.empty()) Violation("OnRead without a byte");
  if (!Equals(stream_in_, read_, bytes.view())) {
    Violation(absl::StrCat("wrong bytes among the ", bytes.size(), " from offset ", read_, " on"));
  }
  read_ += bytes.size();
  After("OnRead", on_read);
}

void WatchedChannel::OnDrained() {
  Event("OnDrained");
  if (channel_ != nullptr && pending() != 0) Violation(absl::StrCat("OnDrained while ", pending(), " bytes pend"));
  if (!owes_drained_) Violation("OnDrained though nothing had pended");
  owes_drained_ = false;
  ++drained_;
  After("OnDrained", on_drained);
}

void WatchedChannel::OnEnd() {
  Event("OnEnd");
  if (!reading_) Violation("OnEnd while it shall not read");
  if (++ends_ > 1) Violation("a second OnEnd");
  After("OnEnd", on_end);
}

void WatchedChannel::OnClosed(absl::Status why) {
  Event("OnClosed");
  closed_ = std::move(why);
  After("OnClosed", on_closed);
}

}  // namespace rain
