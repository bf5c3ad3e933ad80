// SimChannel: one end of a SimConnection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "listenrain/framework/channel.h"
#include "listenrain/testing/sim_connection.h"

namespace rain {

// Made by the generators of the sim scheme. As with a socket, a turn of it reads once, or tells one other thing.
class SimChannel final : public Channel {
 public:
  // `address` is the peer's.
  SimChannel(std::shared_ptr<SimConnection> connection, int side, std::string address)
      : connection_(std::move(connection)),
        side_(side),
        peer_(std::make_shared<const PeerInfo>(PeerInfo{std::move(address), {}})) {}
  ~SimChannel() override;

  void Start(Loop& home, ChannelEvents& events) override;
  void Write(absl::Span<const Buffer> pieces) override;
  void CloseWrite() override;
  uint64_t bytes_taken() const override { return bytes_taken_; }
  size_t pending_bytes() const override { return pending_bytes_; }
  void SetReading(bool reading) override;
  void Close(absl::Status why) override;
  std::shared_ptr<const PeerInfo> peer() const override { return peer_; }

  // There may be something to do, in a later turn. Thread: any that the world runs.
  void Wake();

 private:
  void Turn();
  void Push();
  bool Read();
  void Die(absl::Status why);

  const std::shared_ptr<SimConnection> connection_;
  const int side_;
  const std::shared_ptr<const PeerInfo> peer_;
  Loop* home_ = nullptr;             // once started
  ChannelEvents* events_ = nullptr;  // until OnClosed
  std::deque<Buffer> pending_;
  size_t pending_bytes_ = 0;
  uint64_t bytes_taken_ = 0;
  bool woken_ = false;
  bool reading_ = true;
  bool owes_drained_ = false;
  bool write_closed_ = false;
  bool end_told_ = false;
  bool closed_ = false;
  absl::Status why_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace rain
