// RawPeer: the other end of a channel in the hands of a test, that may misbehave as it likes: a blocking socket, or an end of an
// in-process channel. Speaks bytes, not packets.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "listenrain/framework/channel_generator.h"
#include "listenrain/framework/transport_key.h"

namespace rain {

// Made by the test, closed with its end. Thread: one at a time.
class RawPeer {
 public:
  virtual ~RawPeer() = default;
  // Waits until all was taken. False if the other side is gone.
  virtual bool Write(absl::string_view bytes) = 0;
  // Waits for so many bytes; fewer if the other side ends or dies first.
  virtual std::string Read(size_t bytes) = 0;
  // Says that no more will come, and can still read.
  virtual void HalfClose() = 0;
  // Is gone without a word: sockets reset the connection, unread input or not.
  virtual void Reset() = 0;
};

// Waits for peers. Thread: one at a time.
class RawListener {
 public:
  virtual ~RawListener() = default;
  virtual TransportKey key() const = 0;
  virtual std::unique_ptr<RawPeer> Accept() = 0;
};

// By the key's scheme: tcp and unix by system calls, inproc by the given scheme.
std::unique_ptr<RawPeer> DialRaw(const TransportKey& key, const TransportScheme& inproc);
// `backlog` is the system call's.
std::unique_ptr<RawListener> ListenRaw(const TransportKey& key, const TransportScheme& inproc, int backlog = 16);

}  // namespace rain
