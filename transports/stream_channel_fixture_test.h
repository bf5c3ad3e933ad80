// A stream channel on a bare socket, and what its tests send. For tests.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "listenrain/testing/recording_events.h"
#include "listenrain/transports/driven_loop_test.h"
#include "listenrain/transports/stream_channel.h"

namespace rain {

// What these tests send at length repeats this. Its length is prime: no cut falls on the same place twice.
inline const std::string& Pattern() {
  static const std::string& pattern = *[] {
    auto* bytes = new std::string(65521, '\0');
    for (size_t i = 0; i < bytes->size(); ++i) (*bytes)[i] = static_cast<char>((i * 2654435761u) >> 13);
    return bytes;
  }();
  return pattern;
}

// Calls `visit` with each stretch of the endless pattern from `from` on, `count` bytes in all.
inline void ForEachStretch(uint64_t from, size_t count, const std::function<void(absl::string_view)>& visit) {
  while (count > 0) {
    const absl::string_view rest = absl::string_view(Pattern()).substr(from % Pattern().size(), count);
    visit(rest);
    from += rest.size();
    count -= rest.size();
  }
}

inline std::string Bytes(uint64_t from, size_t count) {
  std::string bytes;
  bytes.reserve(count);
  ForEachStretch(from, count, [&](absl::string_view stretch) { bytes.append(stretch.data(), stretch.size()); });
  return bytes;
}

// Compares what arrives with the pattern, and keeps none of it.
class CheckingEvents final : public ChannelEvents {
 public:
  uint64_t received = 0;
  bool wrong = false;
  int drained = 0;
  bool ended = false;
  std::optional<absl::Status> closed;

  Buffer ReadBuffer(size_t hint) override { return pool_->Allocate(hint); }
  void OnRead(Buffer bytes) override {
    absl::string_view got = bytes.view();
    ForEachStretch(received, got.size(), [&](absl::string_view expected) {
      wrong |= got.substr(0, expected.size()) != expected;
      got.remove_prefix(expected.size());
    });
    received += bytes.size();
  }
  void OnDrained() override { ++drained; }
  void OnEnd() override { ended = true; }
  void OnClosed(absl::Status why) override { closed = std::move(why); }

 private:
  std::shared_ptr<BufferPool> pool_ = NewBufferPool();
};

// A channel, and the bare socket at its other end.
class StreamChannelTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2] = {-1, -1};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    Take(UniqueFd(ends[0]), UniqueFd(ends[1]));
  }
  void Take(UniqueFd ours, UniqueFd theirs) {
    fd_ = ours.get();
    channel_ = Make(std::move(ours));
    peer_ = std::move(theirs);
  }
  void UseTcp() {
    UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    UniqueFd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(peer.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    channel_.reset();
    Take(UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)), std::move(peer));
  }
  std::unique_ptr<Channel> Make(UniqueFd socket) { return NewStreamChannel(std::move(socket), PeerInfo{"test://peer", {}}); }
  void PeerSends(const std::string& bytes) {
    ASSERT_EQ(send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // All that the peer has got by now.
  std::string PeerReceives() {
    std::string all(1 << 20, '\0');
    const ssize_t got = recv(peer_.get(), all.data(), all.size(), MSG_DONTWAIT);
    all.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return all;
  }
  void PeerResets() {
    const linger at_once = {1, 0};
    ASSERT_EQ(setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    peer_.reset();
  }
  void Write(const std::string& bytes) {
    const Buffer piece = Buffer::Adopt(bytes);
    channel_->Write({&piece, 1});
  }
  // Writes until the socket is full.
  void Fill() {
    while (channel_->pending_bytes() == 0) Write(std::string(64 << 10, 'f'));
  }

  DrivenLoop loop_;
  RecordingEvents events_;
  std::unique_ptr<Channel> channel_;
  UniqueFd peer_;
  int fd_ = -1;
};

}  // namespace rain
