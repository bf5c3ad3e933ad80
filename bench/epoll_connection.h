// EpollConnection: one connected socket of an EpollSet, with what it reads and writes.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "listenrain/bench/descriptor.h"
#include "listenrain/bench/epoll_set.h"
#include "listenrain/bench/raw_wire.h"

namespace rain::bench {

// One wait, one read and one write a turn. Thread: one.
class EpollConnection final : public RawSink {
 public:
  // `socket` is non-blocking; `set` and `memory` are borrowed. It reads packets with payloads of `payload_bytes`.
  static absl::StatusOr<std::unique_ptr<EpollConnection>> New(Descriptor socket, EpollSet& set, RawMemory& memory,
                                                              size_t payload_bytes);
  EpollConnection(const EpollConnection&) = delete;
  EpollConnection& operator=(const EpollConnection&) = delete;

  int descriptor() const { return socket_.get(); }
  RawReader& reader() { return reader_; }
  RawWriter& writer() { return writer_; }

  // To be called with each event: writes what pends, or reads once. False at the peer's end. Errors: of the system.
  absl::StatusOr<bool> OnEvents(uint32_t events);
  // To be called when what came is dealt with: waits for what is of use from now on. While more than `pause_at` bytes pend,
  // nothing is read.
  absl::Status Rearm(size_t pause_at);

  absl::StatusOr<size_t> Write(absl::Span<const absl::Span<const char>> pieces) override;

 private:
  EpollConnection(Descriptor socket, EpollSet& set, RawMemory& memory, size_t payload_bytes)
      : socket_(std::move(socket)), set_(set), reader_(payload_bytes, memory.reading), writer_(*this, memory.writing) {}

  const Descriptor socket_;
  EpollSet& set_;
  uint32_t wanted_ = EPOLLIN;
  RawReader reader_;
  RawWriter writer_;
};

}  // namespace rain::bench
