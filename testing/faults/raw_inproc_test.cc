#include "listenrain/testing/faults/raw_inproc_test.h"

#include <gtest/gtest.h>

#include <utility>

#include "listenrain/framework/mutex.h"
#include "listenrain/testing/faults/signal_test.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

// What it got is read until it is asked for more than that: a peer that is never asked never reads.
class InprocPeer final : public RawPeer, private ChannelEvents {
 public:
  InprocPeer(std::shared_ptr<Loop> loop, std::unique_ptr<Channel> channel)
      : loop_(std::move(loop)), channel_(std::move(channel)) {
    channel_->Start(*loop_, *this);
    channel_->SetReading(false);
  }
  ~InprocPeer() override {
    OnLoop(*loop_, [this] { channel_.reset(); });
  }

  bool Write(absl::string_view bytes) override {
    {
      MutexLock lock(mutex_);
      if (dead_) return false;
    }
    OnLoop(*loop_, [&] {
      const Buffer piece = Buffer::Adopt(std::string(bytes));
      channel_->Write({&piece, 1});
      Look();
    });
    MutexLock lock(mutex_);
    while (pending_ && !dead_) changed_.Wait(mutex_);
    return !pending_;  // the peer may be gone by now, because of what it was given
  }

  std::string Read(size_t bytes) override {
    loop_->Run([this] {
      if (channel_ != nullptr) channel_->SetReading(true);
    });
    MutexLock lock(mutex_);
    while (got_.size() < bytes && !ended_ && !dead_) changed_.Wait(mutex_);
    std::string read = got_.substr(0, bytes);
    got_.erase(0, read.size());
    return read;
  }

  void HalfClose() override {
    OnLoop(*loop_, [this] { channel_->CloseWrite(); });
  }
  void Reset() override {
    OnLoop(*loop_, [this] { channel_->Close(absl::CancelledError("reset by the test")); });
  }

 private:
  Buffer ReadBuffer(size_t hint) override { return Buffer::Adopt(std::string(hint, '\0')); }
  void OnRead(Buffer bytes) override {
    MutexLock lock(mutex_);
    got_.append(bytes.data(), bytes.size());
    changed_.SignalAll();
  }
  void OnDrained() override { Look(); }
  void OnEnd() override {
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.SignalAll();
  }
  void OnClosed(absl::Status) override {
    MutexLock lock(mutex_);
    dead_ = true;
    changed_.SignalAll();
  }
  void Look() {
    MutexLock lock(mutex_);
    pending_ = channel_->pending_bytes() > 0;
    changed_.SignalAll();
  }

  const std::shared_ptr<Loop> loop_;
  std::unique_ptr<Channel> channel_;
  Mutex mutex_;
  CondVar changed_;
  std::string got_ ABSL_GUARDED_BY(mutex_);
  bool pending_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool dead_ ABSL_GUARDED_BY(mutex_) = false;
};

// The generator's next channel, as a peer. Null, and a failure, if it gives none.
std::unique_ptr<RawPeer> NextPeer(const std::shared_ptr<Loop>& loop, ChannelGenerator& generator) {
  std::unique_ptr<RawPeer> peer;
  Signal answered;
  loop->Run([&] {
    generator.Next(*loop, [&](absl::StatusOr<std::unique_ptr<Channel>> channel) {
      EXPECT_TRUE(channel.ok()) << channel.status();
      if (channel.ok()) peer = std::make_unique<InprocPeer>(loop, *std::move(channel));
      answered.Raise();
    });
  });
  answered.Wait();
  return peer;
}

class InprocAcceptor final : public RawListener {
 public:
  InprocAcceptor(const TransportKey& key, const TransportScheme& scheme)
      : loop_(NewUvLoop().value()), generator_(*scheme.listen(key)) {}
  ~InprocAcceptor() override {
    OnLoop(*loop_, [this] { generator_.reset(); });
  }
  TransportKey key() const override { return generator_->bound_key(); }
  std::unique_ptr<RawPeer> Accept() override { return NextPeer(loop_, *generator_); }

 private:
  const std::shared_ptr<Loop> loop_;
  std::unique_ptr<ChannelGenerator> generator_;
};

}  // namespace

std::unique_ptr<RawPeer> DialRawInproc(const TransportKey& key, const TransportScheme& scheme) {
  const std::shared_ptr<Loop> loop = NewUvLoop().value();
  std::unique_ptr<ChannelGenerator> generator = *scheme.dial(key);
  std::unique_ptr<RawPeer> peer = NextPeer(loop, *generator);
  OnLoop(*loop, [&] { generator.reset(); });
  return peer;
}

std::unique_ptr<RawListener> ListenRawInproc(const TransportKey& key, const TransportScheme& scheme) {
  return std::make_unique<InprocAcceptor>(key, scheme);
}

}  // namespace rain
