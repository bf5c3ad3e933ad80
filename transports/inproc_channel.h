// InprocChannel: one end of an in-process connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "listenrain/framework/channel.h"
#include "listenrain/framework/loop.h"
#include "listenrain/framework/ref.h"
#include "listenrain/transports/inproc_wire.h"

namespace rain {

// Made by the generators of the inproc scheme.
class InprocChannel final : public Channel, private TurnTask {
 public:
  // `address` is the peer's, as a transport key.
  InprocChannel(Ref<InprocWire> wire, int side, std::string address);
  ~InprocChannel() override;

  void Start(Loop& home, ChannelEvents& events) override;
  void Write(absl::Span<const Buffer> pieces) override;
  void CloseWrite() override;
  uint64_t bytes_taken() const override { return bytes_taken_; }
  size_t pending_bytes() const override { return pending_bytes_; }
  void SetReading(bool reading) override;
  void Close(absl::Status why) override;
  std::shared_ptr<const PeerInfo> peer() const override { return peer_; }

  // What the wire wakes it for; and what it does for a peer on the same loop. Thread: loop, as ever.
  void Turn();
  void TurnSoon() { home_->InNextTurn(*this); }

 private:
  void OnTurn() override { Turn(); }
  void OnForgotten() override { wire_->ForgetLoop(); }
  absl::Span<const Buffer> pending() const { return absl::MakeConstSpan(pending_).subspan(first_pending_); }
  void DropPending(size_t bytes);
  bool PutPending();  // true if that was the last of it
  void Deliver();
  void Learn(const InprocWire::Arrivals& arrivals);

  const Ref<InprocWire> wire_;
  const int side_;
  const std::shared_ptr<const PeerInfo> peer_;
  Loop* home_ = nullptr;             // since Start
  ChannelEvents* events_ = nullptr;  // until OnClosed
  bool reading_ = true;
  bool write_closed_ = false;
  bool end_told_ = false;
  bool closing_ = false;
  absl::Status why_;

  std::vector<Buffer> pending_;  // from first_pending_ on: written, and not yet accepted by the pipe
  size_t first_pending_ = 0;
  size_t pending_bytes_ = 0;
  uint64_t bytes_taken_ = 0;

  std::vector<Buffer> inbox_;  // from first_unread_ on: taken out of the pipe, and not yet delivered
  size_t first_unread_ = 0;
};

}  // namespace rain
