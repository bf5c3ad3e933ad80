// Channel: a reliable, ordered, full-duplex pipe of bytes to one peer. Knows nothing of packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/loop.h"

namespace rain {

// What a channel tells its user. Thread: loop. Never called inside a call to the channel, nor after OnClosed. Inside an event
// every method of the channel may be called; destroying it is for later (a turn's end).
class ChannelEvents {
 public:
  // Where the next bytes shall go; `hint` is what the channel thinks it has, in bytes. An empty buffer (a pool that refuses)
  // makes the channel pause until SetReading(true). Channels that hand over their own buffers never ask.
  virtual Buffer ReadBuffer(size_t hint) = 0;
  // Bytes that arrived, at least one: the start of the buffer given last, or the channel's own. Takes ownership.
  virtual void OnRead(Buffer bytes) = 0;
  // pending_bytes() went back to 0.
  virtual void OnDrained() = 0;
  // The peer will send no more; writing goes on. At most once, after all its bytes.
  virtual void OnEnd() = 0;
  // The last event, exactly once for each started channel, whoever closed it: the status of Close(), or why the channel died
  // (UNAVAILABLE for a reset). What had arrived before was delivered first.
  virtual void OnClosed(absl::Status why) = 0;

 protected:
  ~ChannelEvents() = default;
};

// Who is at the other end.
struct PeerInfo {
  std::string address;  // as a transport key: "tcp://127.0.0.1:40312", "unix:///run/x.sock", "inproc://name"
  struct Credentials {
    int64_t process = 0;
    uint32_t user = 0;
    uint32_t group = 0;
    friend bool operator==(const Credentials&, const Credentials&) = default;
  };
  friend bool operator==(const PeerInfo&, const PeerInfo&) = default;
  std::optional<Credentials> credentials;  // where the system vouches for them (Unix sockets; this process, in process)
};

// Made anywhere; once started it lives on its home. Thread: that loop. To destroy it ends it, without an event. Must not throw.
class Channel {
 public:
  virtual ~Channel() = default;

  // Reading begins, on this thread's loop. `home` and `events` are borrowed until OnClosed. Called once, first.
  virtual void Start(Loop& home, ChannelEvents& events) = 0;
  // Takes all of the bytes, in order: shares the blocks, writes what goes at once, keeps the rest. The caller bounds what is
  // kept by looking at pending_bytes(). No effect once closed or after CloseWrite. Empty pieces are allowed.
  virtual void Write(absl::Span<const Buffer> pieces) = 0;
  // After what pends, the peer sees OnEnd. Idempotent.
  virtual void CloseWrite() = 0;
  // How many bytes the kernel, or the peer's pipe, has accepted since Start. Stays readable after OnClosed.
  virtual uint64_t bytes_taken() const = 0;
  // Written and not yet taken; between the channel's death and OnClosed it may be anything.
  virtual size_t pending_bytes() const = 0;
  // While false, nothing is read, and so the peer comes to a stop. True at Start.
  virtual void SetReading(bool reading) = 0;
  // Abandons what pends; OnClosed(why) follows in a later event, and no other one. Idempotent: the first reason counts.
  virtual void Close(absl::Status why) = 0;
  // Not null, and shared: whoever asks may look at it for longer than the channel lives.
  virtual std::shared_ptr<const PeerInfo> peer() const = 0;
};

}  // namespace rain
