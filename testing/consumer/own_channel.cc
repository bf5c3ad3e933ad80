// A channel of a user's own, held against the installed conformance suite: a pair of pipes inside one machine, for keys such as
// pipes://name. A dialer makes both pipes and sends the listener its two ends, as numbers, through a third.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "listenrain/framework/backoff.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/transports/pending_pieces.h"
#include "listenrain/transports/readiness.h"
#include "listenrain/transports/system_error.h"
#include "listenrain/transports/unique_fd.h"
#include "listenrain/transports/uv_loop.h"

namespace {

using Made = absl::StatusOr<std::unique_ptr<rain::Channel>>;
using Done = absl::AnyInvocable<void(Made) &&>;

struct Pipe {
  rain::UniqueFd out;  // to read from
  rain::UniqueFd in;   // to write to
};

absl::StatusOr<Pipe> NewPipe(const std::string& where) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return rain::SystemError(errno, where, "make a pipe");
  return Pipe{rain::UniqueFd(ends[0]), rain::UniqueFd(ends[1])};
}

// Writing to a pipe that nobody reads raises SIGPIPE: programs that use this channel ignore it.
class PipeChannel final : public rain::Channel, private rain::TurnTask {
 public:
  PipeChannel(rain::UniqueFd from, rain::UniqueFd to, const std::string& address)
      : from_(std::move(from)), to_(std::move(to)), peer_(std::make_shared<const rain::PeerInfo>(rain::PeerInfo{address, {}})) {}

  void Start(rain::Loop& home, rain::ChannelEvents& events) override {
    home_ = &home;
    events_ = &events;
    auto readable = rain::WatchDescriptor(home, from_.get(), [this](rain::Readiness) { Read(); });
    auto writable = rain::WatchDescriptor(home, to_.get(), [this](rain::Readiness) { WritePending(); });
    if (!readable.ok()) return Close(std::move(readable).status());
    if (!writable.ok()) return Close(std::move(writable).status());
    readable_ = *std::move(readable);
    writable_ = *std::move(writable);
    Want();
  }
  void Write(absl::Span<const rain::Buffer> pieces) override {
    if (closed_ || write_ended_) return;
    const bool pended = !pending_.empty();
    for (const rain::Buffer& piece : pieces) {
      if (!piece.empty()) pending_.Append(piece.Share());
    }
    if (!pended) Flush();
    Want();
  }
  void CloseWrite() override {
    write_ended_ = true;
    EndWritingIfDone();
  }
  uint64_t bytes_taken() const override { return taken_; }
  size_t pending_bytes() const override { return pending_.bytes(); }
  void SetReading(bool reading) override {
    reading_ = reading;
    Want();
  }
  void Close(absl::Status why) override {
    if (std::exchange(closed_, true)) return;
    why_ = std::move(why);
    pending_.Clear();
    readable_.reset();  // before its descriptor
    writable_.reset();
    from_.reset();
    to_.reset();
    home_->AtTurnEnd(*this);
  }
  std::shared_ptr<const rain::PeerInfo> peer() const override { return peer_; }

 private:
  void OnTurn() override { events_->OnClosed(std::move(why_)); }

  void Want() {
    if (closed_) return;
    readable_->Want(reading_ && !read_ended_, false);
    if (writable_ != nullptr) writable_->Want(false, !pending_.empty() && write_error_ == 0);
  }

  // As much of what pends as the pipe takes.
  void Flush() {
    std::array<iovec, 64> vectors;
    while (!pending_.empty() && write_error_ == 0) {
      const auto count = static_cast<int>(pending_.Gather(absl::MakeSpan(vectors)));
      const ssize_t taken = ::writev(to_.get(), vectors.data(), count);
      if (taken < 0 && errno == EINTR) continue;
      if (taken < 0 && errno == EAGAIN) return;
      if (taken < 0) return OnWriteError(errno);
      taken_ += static_cast<uint64_t>(taken);
      pending_.Drop(static_cast<size_t>(taken));
    }
  }

  // What the peer wrote before it went is read first.
  void OnWriteError(int error) {
    write_error_ = error;
    int waiting = 0;
    if (read_ended_ || ::ioctl(from_.get(), FIONREAD, &waiting) != 0 || waiting == 0) CloseForWriteError();
  }
  void CloseForWriteError() { Close(rain::SystemError(write_error_, peer_->address, "write")); }

  void WritePending() {
    if (pending_.empty()) return;
    Flush();
    if (closed_) return;
    Want();
    if (!pending_.empty()) return;
    EndWritingIfDone();
    events_->OnDrained();
  }

  void EndWritingIfDone() {
    if (!write_ended_ || !pending_.empty()) return;
    writable_.reset();
    to_.reset();
  }

  // Events may close the channel: the last thing done, but for what looks at closed_.
  void Read() {
    if (closed_ || !reading_ || read_ended_) return;
    rain::Buffer room = events_->ReadBuffer(64 << 10);
    if (closed_) return;
    if (room.empty()) return SetReading(false);
    const ssize_t got = ::read(from_.get(), room.mutable_data(), room.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got < 0) return Close(rain::SystemError(errno, peer_->address, "read"));
    if (got == 0) {
      read_ended_ = true;
      if (write_error_ != 0) return CloseForWriteError();
      Want();
      return events_->OnEnd();
    }
    room.Truncate(static_cast<size_t>(got));
    events_->OnRead(std::move(room));
    if (!closed_ && write_error_ != 0) OnWriteError(write_error_);
  }

  rain::Loop* home_ = nullptr;
  rain::UniqueFd from_;
  rain::UniqueFd to_;
  const std::shared_ptr<const rain::PeerInfo> peer_;
  std::unique_ptr<rain::Watch> readable_;
  std::unique_ptr<rain::Watch> writable_;  // null once writing has ended
  rain::ChannelEvents* events_ = nullptr;
  rain::PendingPieces pending_;
  uint64_t taken_ = 0;
  bool reading_ = true;
  bool read_ended_ = false;   // the peer's end was seen
  bool write_ended_ = false;  // CloseWrite was called
  int write_error_ = 0;
  bool closed_ = false;
  absl::Status why_;
};

// The two ends that an acceptor gets, as they go through the listener's pipe: at once, or not at all.
struct Ends {
  int from = -1;
  int to = -1;
};

// Who listens: by name, where to send ends. Thread: any.
class Names {
 public:
  absl::Status Add(const std::string& key, rain::UniqueFd announce) {
    rain::MutexLock lock(mutex_);
    if (!listening_.try_emplace(key, std::move(announce)).second)
      return absl::UnavailableError(key + ": listen: somebody does already");
    return absl::OkStatus();
  }
  void Remove(const std::string& key) {
    rain::MutexLock lock(mutex_);
    listening_.erase(key);
  }
  absl::Status Announce(const std::string& key, rain::UniqueFd from, rain::UniqueFd to) {
    rain::MutexLock lock(mutex_);
    const auto listener = listening_.find(key);
    if (listener == listening_.end()) return absl::UnavailableError(key + ": dial: nobody listens");
    const Ends ends{from.get(), to.get()};
    if (::write(listener->second.get(), &ends, sizeof ends) != sizeof ends) return rain::SystemError(errno, key, "dial");
    from.release();
    to.release();
    return absl::OkStatus();
  }

 private:
  rain::Mutex mutex_;
  std::map<std::string, rain::UniqueFd> listening_ ABSL_GUARDED_BY(mutex_);
};

class Dialer final : public rain::ChannelGenerator, private rain::TurnTask {
 public:
  Dialer(std::shared_ptr<Names> names, rain::TransportKey key) : names_(std::move(names)), key_(std::move(key)) {}

  void Next(rain::Loop& loop, Done done) override {
    loop_ = &loop;
    done_ = std::move(done);
    loop.AtTurnEnd(*this);
  }
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override {
    return backoff_.RetryAfter(*loop_, why, lived);
  }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  rain::TransportKey bound_key() const override { return key_; }

 private:
  void OnTurn() override { std::exchange(done_, nullptr)(Dial()); }
  Made Dial() {
    absl::StatusOr<Pipe> there = NewPipe(key_.text());
    if (!there.ok()) return there.status();
    absl::StatusOr<Pipe> back = NewPipe(key_.text());
    if (!back.ok()) return back.status();
    const absl::Status announced = names_->Announce(key_.text(), std::move(there->out), std::move(back->in));
    if (!announced.ok()) return announced;
    return std::make_unique<PipeChannel>(std::move(back->out), std::move(there->in), key_.text());
  }

  const std::shared_ptr<Names> names_;
  const rain::TransportKey key_;
  rain::Backoff backoff_{{}};
  rain::Loop* loop_ = nullptr;
  Done done_;
};

class Listener final : public rain::ChannelGenerator, private rain::TurnTask {
 public:
  Listener(std::shared_ptr<Names> names, rain::TransportKey key, rain::UniqueFd announced)
      : names_(std::move(names)), key_(std::move(key)), announced_(std::move(announced)) {}
  ~Listener() override {
    names_->Remove(key_.text());
    while (Take()) continue;  // closes the ends that wait
  }

  void Next(rain::Loop& loop, Done done) override {
    loop_ = &loop;
    done_ = std::move(done);
    if (watch_ == nullptr) {
      auto watch = rain::WatchDescriptor(loop, announced_.get(), [this](rain::Readiness) { Accept(); });
      if (!watch.ok()) {
        failure_ = std::move(watch).status();
        return loop.AtTurnEnd(*this);
      }
      watch_ = *std::move(watch);
    }
    watch_->Want(true, false);
  }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return absl::Seconds(1); }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  rain::TransportKey bound_key() const override { return key_; }

 private:
  void OnTurn() override { std::exchange(done_, nullptr)(std::move(failure_)); }

  std::optional<std::pair<rain::UniqueFd, rain::UniqueFd>> Take() {
    Ends ends;
    if (::read(announced_.get(), &ends, sizeof ends) != sizeof ends) return std::nullopt;
    return std::make_pair(rain::UniqueFd(ends.from), rain::UniqueFd(ends.to));
  }
  void Accept() {
    auto ends = Take();
    if (!ends) return;
    watch_->Want(false, false);
    std::exchange(done_, nullptr)(std::make_unique<PipeChannel>(std::move(ends->first), std::move(ends->second), key_.text()));
  }

  const std::shared_ptr<Names> names_;
  const rain::TransportKey key_;
  const rain::UniqueFd announced_;
  rain::Loop* loop_ = nullptr;
  std::unique_ptr<rain::Watch> watch_;
  Done done_;
  absl::Status failure_;
};

rain::TransportScheme NewPipesScheme() {
  const auto names = std::make_shared<Names>();
  const auto dial = [names](const rain::TransportKey& key) -> absl::StatusOr<std::unique_ptr<rain::ChannelGenerator>> {
    const absl::Status known = key.CheckOptions({});
    if (!known.ok()) return known;
    return std::make_unique<Dialer>(names, key);
  };
  const auto listen = [names](const rain::TransportKey& key) -> absl::StatusOr<std::unique_ptr<rain::ChannelGenerator>> {
    const absl::Status known = key.CheckOptions({});
    if (!known.ok()) return known;
    absl::StatusOr<Pipe> announcements = NewPipe(key.text());
    if (!announcements.ok()) return announcements.status();
    const absl::Status added = names->Add(key.text(), std::move(announcements->in));
    if (!added.ok()) return added;
    return std::make_unique<Listener>(names, key, std::move(announcements->out));
  };
  return {"pipes", dial, listen};
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  rain::ChannelSubject subject;
  subject.scheme = NewPipesScheme;
  subject.listen_key = "pipes://here";
  subject.new_loop = [] { return rain::NewUvLoop().value(); };
  subject.two_loops = true;
  subject.large_bytes = size_t{4} << 20;
  const auto violations = rain::CheckChannel(subject);
  for (const std::string& violation : violations) std::cout << violation << "\n";
  return violations.empty() ? 0 : 1;
}
