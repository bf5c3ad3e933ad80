#include "listenrain/bench/epoll_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "listenrain/bench/process.h"

namespace rain::bench {

absl::StatusOr<std::unique_ptr<EpollConnection>> EpollConnection::New(Descriptor socket, EpollSet& set, RawMemory& memory,
                                                                      size_t payload_bytes) {
  std::unique_ptr<EpollConnection> made(new EpollConnection(std::move(socket), set, memory, payload_bytes));
  if (absl::Status added = set.Add(made->descriptor(), made->wanted_); !added.ok()) return added;
  return made;
}

absl::StatusOr<bool> EpollConnection::OnEvents(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    if (absl::Status written = writer_.OnWritable(); !written.ok()) return written;
  }
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) == 0) return true;
  const absl::Span<char> room = reader_.Room();
  const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), 0);
  if (count < 0) return SystemError("recv", errno);
  reader_.Fill(static_cast<size_t>(count));
  return count > 0;
}

absl::Status EpollConnection::Rearm(size_t pause_at) {
  const uint32_t wanted = (writer_.pending() > pause_at ? 0u : EPOLLIN) | (writer_.pending() > 0 ? EPOLLOUT : 0u);
  if (wanted == wanted_) return absl::OkStatus();
  wanted_ = wanted;
  return set_.Change(socket_.get(), wanted);
}

absl::StatusOr<size_t> EpollConnection::Write(absl::Span<const absl::Span<const char>> pieces) {
  std::array<iovec, 3> vectors;
  msghdr message{};
  message.msg_iov = vectors.data();
  for (absl::Span<const char> piece : pieces) {
    vectors[message.msg_iovlen++] = {const_cast<char*>(piece.data()), piece.size()};
  }
  const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (count >= 0) return static_cast<size_t>(count);
  if (errno == EAGAIN) return 0;
  return SystemError("sendmsg", errno);
}

}  // namespace rain::bench
