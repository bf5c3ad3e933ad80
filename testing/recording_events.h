// RecordingEvents: ChannelEvents that keep what they are told. For tests.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "listenrain/framework/buffer.h"
#include "listenrain/framework/channel.h"

namespace rain {

// Thread: loop.
class RecordingEvents : public ChannelEvents {
 public:
  std::string bytes;               // all that was read
  std::vector<size_t> read_sizes;  // of each OnRead
  int drained = 0;
  int ends = 0;
  std::optional<absl::Status> closed;
  size_t read_buffer_bytes = 64 << 10;  // what ReadBuffer gives; 0 refuses
  // Called at the end of the event, where set.
  std::function<void(const Buffer&)> on_read;
  std::function<void()> on_drained;
  std::function<void()> on_end;
  std::function<void()> on_closed;

  Buffer ReadBuffer(size_t) override {
    return read_buffer_bytes == 0 ? Buffer() : Buffer::Adopt(std::string(read_buffer_bytes, '\0'));
  }
  void OnRead(Buffer read) override {
    read_sizes.push_back(read.size());
    bytes.append(read.data(), read.size());
    if (on_read) on_read(read);
  }
  void OnDrained() override {
    ++drained;
    if (on_drained) on_drained();
  }
  void OnEnd() override {
    ++ends;
    if (on_end) on_end();
  }
  void OnClosed(absl::Status why) override {
    closed = std::move(why);
    if (on_closed) on_closed();
  }
};

}  // namespace rain
