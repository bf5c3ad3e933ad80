// WatchedChannel: a channel and its events, with an eye on every rule of framework/channel.h that can be seen from outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/channel.h"
#include "listenrain/framework/loop.h"

namespace rain {

// What a watched channel tells: each thing that is wrong, and that something happened. Thread: any.
class ChannelWatcher {
 public:
  virtual void OnViolation(std::string what) = 0;
  virtual void OnProgress() = 0;

 protected:
  ~ChannelWatcher() = default;
};

// What is written is a fixed stream of bytes, and what is read is held against it: a byte that is lost, altered, doubled or out
// of place shows. Made and ended by a check, before and after its channel. Thread: loop.
class WatchedChannel final : public ChannelEvents {
 public:
  // Both ends of a connection get the same two streams, crosswise.
  WatchedChannel(std::string name, Loop& loop, ChannelWatcher& watcher, uint64_t stream_out, uint64_t stream_in);
  ~WatchedChannel();
  WatchedChannel(const WatchedChannel&) = delete;
  WatchedChannel& operator=(const WatchedChannel&) = delete;

  // The calls of Channel.
  void Adopt(std::unique_ptr<Channel> channel);
  void Start();
  // The stream's next bytes, in `pieces` of about the same size, with an empty one between each two. From `pool`, if given.
  void Write(size_t bytes, size_t pieces = 1, BufferPool* pool = nullptr);
  void CloseWrite();
  void SetReading(bool reading);
  void Close(absl::Status why);
  void Destroy();

  // Called at the end of the event, where set.
  std::function<void()> on_read;
  std::function<void()> on_drained;
  std::function<void()> on_end;
  std::function<void()> on_closed;
  bool refuse_buffers = false;  // ReadBuffer gives empty ones

  Loop& loop() { return loop_; }
  bool alive() const { return channel_ != nullptr; }
  uint64_t bytes_read() const { return read_; }
  uint64_t bytes_written() const { return written_; }  // given to Write while that had an effect
  uint64_t taken() const { return channel_->bytes_taken(); }
  size_t pending() const { return channel_->pending_bytes(); }
  std::shared_ptr<const PeerInfo> peer() const { return channel_->peer(); }
  int drained() const { return drained_; }
  int ends() const { return ends_; }
  int asked() const { return asked_; }  // calls of ReadBuffer
  const std::optional<absl::Status>& closed() const { return closed_; }
  // Bytes pended, and OnDrained has not been called since.
  bool owes_drained() const { return owes_drained_; }

 private:
  Buffer ReadBuffer(size_t hint) override;
  void OnRead(Buffer bytes) override;
  void OnDrained() override;
  void OnEnd() override;
  void OnClosed(absl::Status why) override;

  void Call(const char* name, absl::FunctionRef<void()> call);
  void Event(const char* name);
  void After(const char* name, const std::function<void()>& hook);
  void CheckCounts(const char* when);
  void Violation(absl::string_view what);

  const std::string name_;
  Loop& loop_;
  ChannelWatcher& watcher_;
  const uint64_t stream_out_;
  const uint64_t stream_in_;
  std::unique_ptr<Channel> channel_;

  const char* in_call_ = nullptr;
  const char* in_event_ = nullptr;
  bool reading_ = true;
  bool write_closed_ = false;
  bool closing_ = false;
  bool owes_drained_ = false;
  std::string suspicion_;  // counts that are right only if the channel has just died
  uint64_t read_ = 0;
  uint64_t written_ = 0;
  uint64_t last_taken_ = 0;
  int drained_ = 0;
  int ends_ = 0;
  int asked_ = 0;
  std::optional<absl::Status> closed_;
};

}  // namespace rain
