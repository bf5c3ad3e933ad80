#include "listenrain/transports/inproc.h"

#include <cassert>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/ref.h"
#include "listenrain/transports/inproc_channel.h"
#include "listenrain/transports/inproc_wire.h"
#include "listenrain/transports/loop_gate.h"

namespace rain {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>;

std::string AddressOf(absl::string_view name) { return absl::StrCat("inproc://", name); }

// One call of Next, until it is answered on its loop or cancelled. Made by Next, shared with whoever answers. Thread: any.
class Request final : public RefCounted {
 public:
  Request(Loop& loop, Done done, std::string address) : address_(std::move(address)), done_(std::move(done)) { gate_.Open(loop); }

  // Called once.
  void Connect(Ref<InprocWire> wire, int side) {
    {
      MutexLock lock(mutex_);
      wire_ = std::move(wire);
      side_ = side;
    }
    gate_.Run(Answer(Ref<Request>::Share(this)));
  }
  void Refuse(absl::Status why) {
    {
      MutexLock lock(mutex_);
      refusal_ = std::move(why);
    }
    gate_.Run(Answer(Ref<Request>::Share(this)));
  }

  // The loop may end after this. `done` is destroyed here, unless it has begun.
  void Cancel() {
    Drop();
    gate_.Shut();
  }

 private:
  struct Answer {
    explicit Answer(Ref<Request> shared) : request(std::move(shared)) {}
    Answer(Answer&&) noexcept = default;
    ~Answer() {
      if (request) request->Drop();
    }
    void operator()() && { std::exchange(request, nullptr)->Tell(); }

    Ref<Request> request;
  };

  void Drop() {
    Done done;
    Ref<InprocWire> wire;
    int side = 0;
    {
      MutexLock lock(mutex_);
      done = std::move(done_);
      done_ = nullptr;
      wire = std::exchange(wire_, nullptr);
      side = side_;
    }
    if (wire) wire->Leave(side, false);
  }

  void Tell() {
    Done done;
    Ref<InprocWire> wire;
    int side = 0;
    absl::Status refusal;
    {
      MutexLock lock(mutex_);
      if (done_ == nullptr) return;  // cancelled
      done = std::move(done_);
      done_ = nullptr;
      wire = std::exchange(wire_, nullptr);
      side = side_;
      refusal = std::move(refusal_);
    }
    if (!wire) return std::move(done)(std::move(refusal));
    std::move(done)(std::make_unique<InprocChannel>(std::move(wire), side, std::move(address_)));
  }

  std::string address_;
  LoopGate gate_;
  Mutex mutex_;
  Done done_ ABSL_GUARDED_BY(mutex_);
  Ref<InprocWire> wire_ ABSL_GUARDED_BY(mutex_);
  int side_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
};

// Either side looks at its own, so that one key serves both.
constexpr std::initializer_list<absl::string_view> kOptions = {"pipe", "backlog", "backoff", "backoff_max"};

struct ListenOptions {
  size_t pipe_bytes = 1 << 20;
  size_t backlog = 128;
};

// What a name stands for while it is listened on: who waits for whom. Shared by the listener and those that dial. Thread: any.
class AccessPoint final : public RefCounted {
 public:
  explicit AccessPoint(const ListenOptions& options) : options_(options) {}

  // The dialer's wire; null if it is refused.
  Ref<InprocWire> Dial() {
    Ref<InprocWire> wire = MakeRef<InprocWire>(options_.pipe_bytes);
    Ref<Request> acceptor;
    {
      MutexLock lock(mutex_);
      if (ended_) return nullptr;
      if (acceptor_) {
        acceptor = std::exchange(acceptor_, nullptr);
      } else if (dialed_.size() < options_.backlog) {
        dialed_.push_back(wire);
      } else {
        return nullptr;
      }
    }
    if (acceptor) acceptor->Connect(wire, kAcceptor);
    return wire;
  }

  void Accept(Ref<Request> request) {
    Ref<InprocWire> wire;
    {
      MutexLock lock(mutex_);
      if (dialed_.empty()) {
        acceptor_ = std::move(request);
        return;
      }
      wire = std::move(dialed_.front());
      dialed_.pop_front();
    }
    request->Connect(std::move(wire), kAcceptor);
  }

  void End() {
    std::deque<Ref<InprocWire>> dialed;
    Ref<Request> acceptor;
    {
      MutexLock lock(mutex_);
      ended_ = true;
      dialed.swap(dialed_);
      acceptor = std::exchange(acceptor_, nullptr);
    }
    for (const Ref<InprocWire>& wire : dialed) wire->Leave(kAcceptor, false);
  }

  static constexpr int kDialer = 0;
  static constexpr int kAcceptor = 1;

 private:
  const ListenOptions options_;
  Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Ref<InprocWire>> dialed_ ABSL_GUARDED_BY(mutex_);  // not accepted yet, oldest first
  Ref<Request> acceptor_ ABSL_GUARDED_BY(mutex_);               // waits for the next; only while dialed_ is empty
};

}  // namespace

class InprocNetwork {
 public:
  // False if the name is in use.
  bool Add(const std::string& name, Ref<AccessPoint> point) {
    MutexLock lock(mutex_);
    return points_.emplace(name, std::move(point)).second;
  }
  void Remove(const std::string& name) {
    MutexLock lock(mutex_);
    points_.erase(name);
  }
  // Null if nobody listens.
  Ref<AccessPoint> Find(const std::string& name) {
    MutexLock lock(mutex_);
    const auto found = points_.find(name);
    return found == points_.end() ? nullptr : found->second;
  }

 private:
  Mutex mutex_;
  std::map<std::string, Ref<AccessPoint>> points_ ABSL_GUARDED_BY(mutex_);
};

namespace {

// What a generator's calls of Next leave behind: at most one is open at a time.
class OpenRequest {
 public:
  ~OpenRequest() {
    if (request_) request_->Cancel();
  }
  Ref<Request> Renew(Loop& loop, Done done, std::string address) {
    if (request_) request_->Cancel();
    return request_ = MakeRef<Request>(loop, std::move(done), std::move(address));
  }

 private:
  Ref<Request> request_;
};

class InprocListener final : public ChannelGenerator {
 public:
  InprocListener(std::shared_ptr<InprocNetwork> network, std::string name, Ref<AccessPoint> point)
      : network_(std::move(network)), name_(std::move(name)), point_(std::move(point)) {}
  ~InprocListener() override {
    network_->Remove(name_);
    point_->End();
  }

  void Next(Loop& loop, Done done) override { point_->Accept(request_.Renew(loop, std::move(done), AddressOf(name_))); }
  // Accepting does not fail.
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return absl::ZeroDuration(); }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  TransportKey bound_key() const override { return AddressOf(name_); }

 private:
  const std::shared_ptr<InprocNetwork> network_;
  const std::string name_;
  const Ref<AccessPoint> point_;
  OpenRequest request_;
};

class InprocDialer final : public ChannelGenerator {
 public:
  InprocDialer(std::shared_ptr<InprocNetwork> network, TransportKey key, const BackoffOptions& backoff)
      : network_(std::move(network)), key_(std::move(key)), name_(key_.address()), backoff_(backoff) {}

  void Next(Loop& loop, Done done) override {
    loop_ = &loop;
    const Ref<Request> request = request_.Renew(loop, std::move(done), AddressOf(name_));
    const Ref<AccessPoint> point = network_->Find(name_);
    if (!point) {
      return request->Refuse(absl::UnavailableError(absl::StrCat(key_.text(), ": refused: nobody listens on this name")));
    }
    Ref<InprocWire> wire = point->Dial();
    if (!wire) {
      return request->Refuse(absl::UnavailableError(
          absl::StrCat(key_.text(), ": refused: the listener's backlog is full; it accepts too slowly, or `backlog` is small")));
    }
    request->Connect(std::move(wire), AccessPoint::kDialer);
  }
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override {
    return backoff_.RetryAfter(*loop_, why, lived);
  }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  TransportKey bound_key() const override { return key_; }

 private:
  const std::shared_ptr<InprocNetwork> network_;
  const TransportKey key_;
  const std::string name_;
  Backoff backoff_;
  Loop* loop_ = nullptr;
  OpenRequest request_;
};

absl::StatusOr<ListenOptions> ReadListenOptions(const TransportKey& key) {
  ListenOptions options;
  absl::Status status = key.CheckOptions(kOptions);
  if (status.ok()) status = key.ReadOption("pipe", 4096, size_t{1} << 30, options.pipe_bytes);
  if (status.ok()) status = key.ReadOption("backlog", 1, 65536, options.backlog);
  if (!status.ok()) return status;
  return options;
}

// Errors: INVALID_ARGUMENT if this is no key of ours.
absl::Status CheckKey(const TransportKey& key) {
  if (!key.status().ok() || key.scheme() == "inproc") return key.status();
  return absl::InvalidArgumentError(absl::StrCat("transport key \"", key.text(), "\": not an inproc:// key"));
}

}  // namespace

std::shared_ptr<InprocNetwork> NewInprocNetwork() { return std::make_shared<InprocNetwork>(); }

TransportScheme NewInprocScheme(std::shared_ptr<InprocNetwork> network) {
  TransportScheme scheme;
  scheme.name = "inproc";
  scheme.dial = [network](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
    absl::Status status = CheckKey(key);
    if (status.ok()) status = key.CheckOptions(kOptions);
    if (!status.ok()) return status;
    const absl::StatusOr<BackoffOptions> backoff = ParseBackoffOptions(key);
    if (!backoff.ok()) return backoff.status();
    return std::make_unique<InprocDialer>(network, key, *backoff);
  };
  scheme.listen = [network](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
    if (absl::Status status = CheckKey(key); !status.ok()) return status;
    const absl::StatusOr<ListenOptions> options = ReadListenOptions(key);
    if (!options.ok()) return options.status();
    const std::string name(key.address());
    Ref<AccessPoint> point = MakeRef<AccessPoint>(*options);
    if (!network->Add(name, point)) {
      return absl::UnavailableError(absl::StrCat(key.text(), ": address in use: somebody listens on this name already"));
    }
    return std::make_unique<InprocListener>(network, name, std::move(point));
  };
  return scheme;
}

}  // namespace rain
