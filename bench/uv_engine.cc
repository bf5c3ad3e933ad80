// A second yardstick: the same on libuv's own streams, to tell what its readiness costs beside epoll by hand.
#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "listenrain/bench/calls.h"
#include "listenrain/bench/engine.h"
#include "listenrain/bench/raw_calls.h"
#include "listenrain/bench/raw_posts.h"
#include "listenrain/bench/sockets.h"

namespace rain::bench {
namespace {

constexpr size_t kPauseReadingBytes = 2 * kRawFlushBytes;
constexpr uint64_t kPatienceMilliseconds = 10'000;

absl::Status UvError(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", ::uv_strerror(error)));
}

// One connected stream on a loop of its own, which Run runs until the stream ended. Thread: one.
class UvConnection final : public RawSink {
 public:
  // Reads packets with payloads of `payload_bytes`. While more than `pause_at` bytes pend, nothing is read. A wait of
  // `patience_milliseconds` (0: any) without a byte ends Run.
  UvConnection(Carrier carrier, size_t payload_bytes, size_t pause_at, uint64_t patience_milliseconds)
      : carrier_(carrier),
        pause_at_(pause_at),
        patience_milliseconds_(patience_milliseconds),
        reader_(payload_bytes, memory_.reading),
        writer_(*this, memory_.writing) {}
  UvConnection(const UvConnection&) = delete;
  UvConnection& operator=(const UvConnection&) = delete;

  RawReader& reader() { return reader_; }
  RawWriter& writer() { return writer_; }

  // Calls `start` once, then `turn` for each read and when a full stream is writable again, until that returns false or an error,
  // or the peer ends: none of these but an error is an error.
  absl::Status Run(Descriptor socket, absl::FunctionRef<absl::Status()> start, absl::FunctionRef<absl::StatusOr<bool>()> turn) {
    // uv_try_write cannot be asked for MSG_NOSIGNAL. The process does nothing else.
    if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return SystemError("ignoring SIGPIPE", errno);
    if (const int error = ::uv_loop_init(&loop_); error != 0) return UvError("uv_loop_init", error);
    turn_ = &turn;
    absl::Status opened = Open(std::move(socket));
    if (opened.ok()) opened = start();
    if (opened.ok()) SetReading();
    if (!opened.ok()) End(std::move(opened));
    ::uv_run(&loop_, UV_RUN_DEFAULT);
    const int error = ::uv_loop_close(&loop_);
    if (ended_.ok() && error != 0) return UvError("uv_loop_close", error);
    return ended_;
  }

  absl::StatusOr<size_t> Write(absl::Span<const absl::Span<const char>> pieces) override {
    if (writing_) return 0;
    std::array<uv_buf_t, 3> buffers;
    unsigned count = 0;
    size_t total = 0;
    for (absl::Span<const char> piece : pieces) {
      buffers[count++] = ::uv_buf_init(const_cast<char*>(piece.data()), static_cast<unsigned>(piece.size()));
      total += piece.size();
    }
    const int taken = ::uv_try_write(stream(), buffers.data(), count);
    if (taken < 0 && taken != UV_EAGAIN) return UvError("uv_try_write", taken);
    const size_t skip = taken < 0 ? 0 : static_cast<size_t>(taken);
    if (skip < total) {
      if (absl::Status queued = WriteRest(pieces, skip); !queued.ok()) return queued;
    }
    return total;
  }

 private:
  static UvConnection& Of(const void* data) { return *static_cast<UvConnection*>(const_cast<void*>(data)); }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }

  absl::Status Open(Descriptor socket) {
    if (const int error = ::uv_timer_init(&loop_, &watch_); error != 0) return UvError("uv_timer_init", error);
    watch_.data = this;
    watching_ = true;
    int error = carrier_ == Carrier::tcp ? ::uv_tcp_init(&loop_, &handle_.tcp) : ::uv_pipe_init(&loop_, &handle_.pipe, 0);
    if (error != 0) return UvError("making a stream", error);
    stream()->data = this;
    open_ = true;
    error = carrier_ == Carrier::tcp ? ::uv_tcp_open(&handle_.tcp, socket.get()) : ::uv_pipe_open(&handle_.pipe, socket.get());
    if (error != 0) return UvError("opening a stream", error);
    (void)socket.Release();  // the stream's now
    if (patience_milliseconds_ == 0) return absl::OkStatus();
    const auto on_silence = [](uv_timer_t* timer) { Of(timer->data).OnWatch(); };
    error = ::uv_timer_start(&watch_, on_silence, patience_milliseconds_, patience_milliseconds_);
    return error == 0 ? absl::OkStatus() : UvError("uv_timer_start", error);
  }

  void End(absl::Status why) {
    if (over_) return;
    over_ = true;
    ended_ = std::move(why);
    if (open_) ::uv_close(reinterpret_cast<uv_handle_t*>(stream()), nullptr);
    if (watching_) ::uv_close(reinterpret_cast<uv_handle_t*>(&watch_), nullptr);
  }

  // As it should be by what pends.
  void SetReading() {
    const bool wanted = writer_.pending() <= pause_at_;
    if (over_ || wanted == reading_) return;
    reading_ = wanted;
    const auto give_room = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
      const absl::Span<char> room = Of(handle->data).reader_.Room();
      *buffer = ::uv_buf_init(room.data(), static_cast<unsigned>(room.size()));
    };
    const auto on_read = [](uv_stream_t* from, ssize_t count, const uv_buf_t*) { Of(from->data).OnRead(count); };
    const int error = wanted ? ::uv_read_start(stream(), give_room, on_read) : ::uv_read_stop(stream());
    if (error != 0) End(UvError("uv_read_start", error));
  }

  void OnRead(ssize_t count) {
    if (count == 0) return;
    if (count == UV_EOF) return End(absl::OkStatus());
    if (count < 0) return End(UvError("reading", static_cast<int>(count)));
    reader_.Fill(static_cast<size_t>(count));
    ++events_;
    Turn();
  }

  void Turn() {
    const absl::StatusOr<bool> goes_on = (*turn_)();
    if (!goes_on.ok()) return End(goes_on.status());
    if (!*goes_on) return End(absl::OkStatus());
    SetReading();
  }

  absl::Status WriteRest(absl::Span<const absl::Span<const char>> pieces, size_t skip) {
    rest_.clear();
    for (absl::Span<const char> piece : pieces) {
      const size_t gone = std::min(skip, piece.size());
      skip -= gone;
      rest_.insert(rest_.end(), piece.begin() + static_cast<ptrdiff_t>(gone), piece.end());
    }
    const uv_buf_t buffer = ::uv_buf_init(rest_.data(), static_cast<unsigned>(rest_.size()));
    const auto on_written = [](uv_write_t* request, int error) { Of(request->data).OnWritten(error); };
    write_.data = this;
    if (const int error = ::uv_write(&write_, stream(), &buffer, 1, on_written); error != 0) return UvError("uv_write", error);
    writing_ = true;
    return absl::OkStatus();
  }

  void OnWritten(int error) {
    writing_ = false;
    if (over_) return;
    if (error != 0) return End(UvError("writing", error));
    if (absl::Status written = writer_.OnWritable(); !written.ok()) return End(std::move(written));
    ++events_;
    Turn();
  }

  void OnWatch() {
    if (events_ == events_at_last_watch_) {
      return End(absl::DeadlineExceededError(absl::StrCat("nothing came for ", patience_milliseconds_, " ms")));
    }
    events_at_last_watch_ = events_;
  }

  const Carrier carrier_;
  const size_t pause_at_;
  const uint64_t patience_milliseconds_;
  RawMemory memory_;
  RawReader reader_;
  RawWriter writer_;
  absl::FunctionRef<absl::StatusOr<bool>()>* turn_ = nullptr;
  uv_loop_t loop_{};
  union {
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle_{};
  uv_timer_t watch_{};
  uv_write_t write_{};
  std::vector<char> rest_;  // what uv_write has
  bool open_ = false;
  bool watching_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool over_ = false;
  uint64_t events_ = 0;
  uint64_t events_at_last_watch_ = 0;
  absl::Status ended_;
};

class UvEngine final : public Engine {
 public:
  absl::Status Serve(const Options& options, Rendezvous& rendezvous) override {
    absl::StatusOr<Listening> listening = Listen(options);
    if (!listening.ok()) return listening.status();
    if (absl::Status told = rendezvous.Announce(listening->address); !told.ok()) return told;
    absl::StatusOr<Descriptor> accepted = AcceptOne(*listening);
    if (!accepted.ok()) return accepted.status();
    UvConnection client(options.carrier, options.payload_bytes, kPauseReadingBytes, 0);
    RawCounter counter;
    return client.Run(
        *std::move(accepted), [] { return absl::OkStatus(); },
        [&]() -> absl::StatusOr<bool> {
          const absl::Status dealt_with = options.workload == Workload::oneway ? counter.Turn(client.reader(), client.writer())
                                                                               : AnswerAll(client.reader(), client.writer());
          if (!dealt_with.ok()) return dealt_with;
          return true;
        });
  }

  absl::StatusOr<std::unique_ptr<Histogram>> Call(const Options& options, absl::string_view address, Meter& meter) override {
    absl::StatusOr<Descriptor> connected = Connect(options, address);
    if (!connected.ok()) return connected.status();
    const PayloadPattern pattern(options.payload_bytes, options.shared_payload);
    Calls calls(pattern, meter, options.parallel);
    RawCaller caller(calls, 0, options.parallel);
    UvConnection server(options.carrier, options.payload_bytes, SIZE_MAX, kPatienceMilliseconds);
    const auto start = [&] {
      meter.Start(SystemClock().Now());
      return caller.Start(server.writer(), SystemClock().Now());
    };
    const absl::Status ended = server.Run(*std::move(connected), start, [&]() -> absl::StatusOr<bool> {
      const Instant now = SystemClock().Now();
      meter.Sample(now);
      const absl::Status turned = caller.Turn(server.reader(), server.writer(), now, now < meter.end());
      if (!turned.ok()) return turned;
      return calls.in_flight() > 0;
    });
    if (!ended.ok()) return ended;
    if (calls.in_flight() > 0) return absl::UnavailableError("the server closed the connection with calls in flight");
    return std::make_unique<Histogram>(calls.latencies());
  }

  absl::StatusOr<Flow> Post(const Options& options, absl::string_view address, Meter& meter) override {
    absl::StatusOr<Descriptor> connected = Connect(options, address);
    if (!connected.ok()) return connected.status();
    const PayloadPattern pattern(options.payload_bytes);
    RawPoster poster(pattern, meter);
    UvConnection server(options.carrier, sizeof(Receipt), SIZE_MAX, kPatienceMilliseconds);
    const auto start = [&] {
      meter.Start(SystemClock().Now());
      return poster.Turn(server.reader(), server.writer());
    };
    const absl::Status ended = server.Run(*std::move(connected), start, [&]() -> absl::StatusOr<bool> {
      if (absl::Status turned = poster.Turn(server.reader(), server.writer()); !turned.ok()) return turned;
      return !poster.done();
    });
    if (!ended.ok()) return ended;
    if (!poster.done()) return absl::UnavailableError("the server closed the connection before it told what it got");
    return poster.Finish();
  }
};

}  // namespace

std::unique_ptr<Engine> NewUvEngine() { return std::make_unique<UvEngine>(); }

}  // namespace rain::bench
