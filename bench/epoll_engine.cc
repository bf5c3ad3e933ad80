// The yardstick: the same echo by hand, one thread a side, on level-triggered epoll. One wait, one read and one write a turn.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "listenrain/bench/calls.h"
#include "listenrain/bench/engine.h"
#include "listenrain/bench/raw_wire.h"
#include "listenrain/bench/sockets.h"

namespace rain::bench {
namespace {

constexpr size_t kPauseReadingBytes = 2 * kRawFlushBytes;
constexpr int kPatienceMilliseconds = 10'000;

// One connected socket and its epoll. Thread: one at a time.
class Connection final : public RawSink {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> New(Descriptor socket, const Options& options) {
    Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return SystemError("epoll_create1", errno);
    std::unique_ptr<Connection> made(new Connection(std::move(socket), std::move(epoll), options));
    if (absl::Status added = made->Want(EPOLL_CTL_ADD, EPOLLIN); !added.ok()) return added;
    return made;
  }

  RawReader& reader() { return reader_; }
  RawWriter& writer() { return writer_; }

  // Blocks until bytes came into the reader, and writes meanwhile what pends. While the writer has more than `pause_at` bytes
  // pending, nothing is read. False at the peer's end. Errors: DEADLINE_EXCEEDED after `patience` (-1: none) without either.
  absl::StatusOr<bool> Read(size_t pause_at, int patience_milliseconds) {
    for (;;) {
      const uint32_t wanted = (writer_.pending() > pause_at ? 0u : EPOLLIN) | (writer_.pending() > 0 ? EPOLLOUT : 0u);
      if (wanted != wanted_) {
        if (absl::Status changed = Want(EPOLL_CTL_MOD, wanted); !changed.ok()) return changed;
      }
      const absl::StatusOr<uint32_t> events = Wait(patience_milliseconds);
      if (!events.ok()) return events.status();
      if ((*events & EPOLLOUT) != 0) {
        if (absl::Status written = writer_.OnWritable(); !written.ok()) return written;
      }
      if ((*events & ~static_cast<uint32_t>(EPOLLOUT)) == 0) continue;
      const absl::Span<char> room = reader_.Room();
      const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), 0);
      if (count < 0) return SystemError("recv", errno);
      reader_.Fill(static_cast<size_t>(count));
      return count > 0;
    }
  }

  absl::StatusOr<size_t> Write(absl::Span<const absl::Span<const char>> pieces) override {
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

 private:
  Connection(Descriptor socket, Descriptor epoll, const Options& options)
      : socket_(std::move(socket)),
        epoll_(std::move(epoll)),
        poll_(options.poll),
        reader_(options.payload_bytes),
        writer_(*this) {}

  absl::Status Want(int operation, uint32_t events) {
    epoll_event event{};
    event.events = events;
    if (::epoll_ctl(epoll_.get(), operation, socket_.get(), &event) != 0) return SystemError("epoll_ctl", errno);
    wanted_ = events;
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> Wait(int patience_milliseconds) {
    epoll_event event{};
    int ready = 0;
    if (poll_ > absl::ZeroDuration()) {
      const Instant until = SystemClock().Now() + poll_;
      do {
        ready = ::epoll_wait(epoll_.get(), &event, 1, 0);
      } while (ready == 0 && SystemClock().Now() < until);
    }
    if (ready == 0) ready = ::epoll_wait(epoll_.get(), &event, 1, patience_milliseconds);
    if (ready < 0) return SystemError("epoll_wait", errno);
    if (ready == 0) return absl::DeadlineExceededError(absl::StrCat("nothing came for ", patience_milliseconds, " ms"));
    return uint32_t{event.events};  // the field is packed: no reference may be bound to it
  }

  const Descriptor socket_;
  const Descriptor epoll_;
  const absl::Duration poll_;
  uint32_t wanted_ = 0;
  RawReader reader_;
  RawWriter writer_;
};

class EpollEngine final : public Engine {
 public:
  absl::Status Serve(const Options& options, Rendezvous& rendezvous) override {
    absl::StatusOr<Listening> listening = Listen(options);
    if (!listening.ok()) return listening.status();
    if (absl::Status told = rendezvous.Announce(listening->address); !told.ok()) return told;
    absl::StatusOr<Descriptor> accepted = Accept(*listening);
    if (!accepted.ok()) return accepted.status();
    absl::StatusOr<std::unique_ptr<Connection>> client = Connection::New(*std::move(accepted), options);
    if (!client.ok()) return client.status();
    for (;;) {
      const absl::StatusOr<bool> more = (*client)->Read(kPauseReadingBytes, -1);
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      if (absl::Status answered = AnswerAll((*client)->reader(), (*client)->writer()); !answered.ok()) return answered;
    }
  }

  absl::StatusOr<std::unique_ptr<Histogram>> Call(const Options& options, absl::string_view address, Meter& meter) override {
    absl::StatusOr<Descriptor> connected = Connect(options, address);
    if (!connected.ok()) return connected.status();
    absl::StatusOr<std::unique_ptr<Connection>> server = Connection::New(*std::move(connected), options);
    if (!server.ok()) return server.status();
    const PayloadPattern pattern(options.payload_bytes);
    Calls calls(pattern, meter, options.parallel);
    RawCaller caller(calls, meter);
    if (absl::Status begun = caller.Start((*server)->writer(), SystemClock().Now()); !begun.ok()) return begun;
    while (!caller.done()) {
      // Always reading: a server that cannot write its replies stops reading, and would never start again.
      const absl::StatusOr<bool> more = (*server)->Read(SIZE_MAX, kPatienceMilliseconds);
      if (!more.ok()) return more.status();
      if (!*more) return absl::UnavailableError("the server closed the connection with calls in flight");
      const absl::Status turned = caller.Turn((*server)->reader(), (*server)->writer(), SystemClock().Now());
      if (!turned.ok()) return turned;
    }
    return std::make_unique<Histogram>(calls.latencies());
  }
};

}  // namespace

std::unique_ptr<Engine> NewEpollEngine() { return std::make_unique<EpollEngine>(); }

}  // namespace rain::bench
