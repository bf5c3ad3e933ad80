// Forwarding parts: a channel, a generator and a scheme that pass everything on to others. For tests that change one thing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "listenrain/framework/channel.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/loop.h"

namespace rain {

// Thread: loop.
class ForwardingChannel : public Channel, public ChannelEvents {
 public:
  explicit ForwardingChannel(std::unique_ptr<Channel> channel) : inner(std::move(channel)) {}

  void Start(Loop& home, ChannelEvents& to) override {
    loop = &home;
    events = &to;
    inner->Start(home, *this);
  }
  void Write(absl::Span<const Buffer> pieces) override { inner->Write(pieces); }
  void CloseWrite() override { inner->CloseWrite(); }
  uint64_t bytes_taken() const override { return inner->bytes_taken(); }
  size_t pending_bytes() const override { return inner->pending_bytes(); }
  void SetReading(bool reading) override { inner->SetReading(reading); }
  void Close(absl::Status why) override { inner->Close(std::move(why)); }
  std::shared_ptr<const PeerInfo> peer() const override { return inner->peer(); }

  Buffer ReadBuffer(size_t hint) override { return events->ReadBuffer(hint); }
  void OnRead(Buffer bytes) override { events->OnRead(std::move(bytes)); }
  void OnDrained() override { events->OnDrained(); }
  void OnEnd() override { events->OnEnd(); }
  void OnClosed(absl::Status why) override { events->OnClosed(std::move(why)); }

 protected:
  Loop* loop = nullptr;  // once started
  ChannelEvents* events = nullptr;
  const std::unique_ptr<Channel> inner;
};

using WrapChannel = std::function<std::unique_ptr<Channel>(std::unique_ptr<Channel>)>;

// Thread: as the generator it wraps.
class ForwardingGenerator : public ChannelGenerator {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>;

  // `wrap_channel` may be null.
  explicit ForwardingGenerator(std::unique_ptr<ChannelGenerator> generator, WrapChannel wrap_channel = nullptr)
      : inner(std::move(generator)), wrap(std::move(wrap_channel)) {}

  void Next(Loop& loop, Done done) override {
    if (!wrap) return inner->Next(loop, std::move(done));
    inner->Next(loop, [by = wrap, to = std::move(done)](absl::StatusOr<std::unique_ptr<Channel>> made) mutable {
      if (made.ok()) made = by(*std::move(made));
      std::move(to)(std::move(made));
    });
  }
  std::optional<absl::Duration> ReviewAfter() override { return inner->ReviewAfter(); }
  void Declined() override { inner->Declined(); }
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override {
    return inner->RetryAfter(why, lived);
  }
  TransportKey bound_key() const override { return inner->bound_key(); }

 protected:
  std::unique_ptr<ChannelGenerator> inner;
  const WrapChannel wrap;
};

using WrapGenerator = std::function<std::unique_ptr<ChannelGenerator>(std::unique_ptr<ChannelGenerator>)>;

// Both the dialers and the listeners of `scheme`, wrapped.
inline TransportScheme WrapScheme(const TransportScheme& scheme, WrapGenerator wrap) {
  const auto wrapped = [&](TransportScheme::Factory make) {
    return [make, wrap](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
      auto made = make(key);
      if (!made.ok()) return made;
      return wrap(*std::move(made));
    };
  };
  return {scheme.name, wrapped(scheme.dial), wrapped(scheme.listen)};
}

}  // namespace rain
