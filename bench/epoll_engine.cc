// The yardstick: the same by hand, one thread and one epoll a side.
#include <memory>
#include <utility>
#include <vector>

#include "listenrain/bench/calls.h"
#include "listenrain/bench/engine.h"
#include "listenrain/bench/epoll_connection.h"
#include "listenrain/bench/epoll_set.h"
#include "listenrain/bench/raw_calls.h"
#include "listenrain/bench/raw_posts.h"
#include "listenrain/bench/sockets.h"

namespace rain::bench {
namespace {

constexpr size_t kPauseReadingBytes = 2 * kRawFlushBytes;
constexpr int kPatienceMilliseconds = 10'000;

// The listening socket and all that it accepted. Thread: one.
class Server {
 public:
  Server(const Options& options, Listening listening, EpollSet set)
      : options_(options), listening_(std::move(listening)), set_(std::move(set)) {}

  // Returns when every client has ended, and there was one.
  absl::Status Run() {
    if (absl::Status added = set_.Add(listening_.socket.get(), EPOLLIN); !added.ok()) return added;
    while (!any_ || open_ > 0) {
      const auto events = set_.Wait(-1);
      if (!events.ok()) return events.status();
      for (const epoll_event& event : *events) {
        const bool comes = event.data.fd == listening_.socket.get();
        if (absl::Status turned = comes ? AcceptAll() : Turn(event.data.fd, event.events); !turned.ok()) return turned;
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AcceptAll() {
    for (;;) {
      absl::StatusOr<Descriptor> socket = Accept(listening_);
      if (!socket.ok()) return socket.status();
      if (!socket->valid()) return absl::OkStatus();
      auto client = EpollConnection::New(*std::move(socket), set_, memory_, options_.payload_bytes);
      if (!client.ok()) return client.status();
      const auto at = static_cast<size_t>((*client)->descriptor());
      if (clients_.size() <= at) clients_.resize(2 * at);
      clients_[at] = *std::move(client);
      ++open_;
      any_ = true;
    }
  }

  absl::Status Turn(int descriptor, uint32_t events) {
    std::unique_ptr<EpollConnection>& client = clients_[static_cast<size_t>(descriptor)];
    const absl::StatusOr<bool> goes_on = client->OnEvents(events);
    if (!goes_on.ok()) return goes_on.status();
    if (!*goes_on) {
      client = nullptr;
      --open_;
      return absl::OkStatus();
    }
    absl::Status dealt_with = options_.workload == Workload::oneway ? counter_.Turn(client->reader(), client->writer())
                                                                    : AnswerAll(client->reader(), client->writer());
    return dealt_with.ok() ? client->Rearm(kPauseReadingBytes) : dealt_with;
  }

  const Options& options_;
  const Listening listening_;
  EpollSet set_;
  RawMemory memory_;
  std::vector<std::unique_ptr<EpollConnection>> clients_;  // by descriptor
  size_t open_ = 0;
  bool any_ = false;  // was ever accepted
  RawCounter counter_;
};

// The connections of the client's side, each with calls of its own. Thread: one.
class Client {
 public:
  Client(const Options& options, EpollSet set, Calls& calls, Meter& meter)
      : options_(options), set_(std::move(set)), calls_(calls), meter_(meter) {}

  absl::Status Open(absl::string_view address) {
    const size_t connections = ConnectionsOf(options_);
    const size_t slots = options_.parallel / connections;
    peers_.reserve(connections);
    for (size_t i = 0; i < connections; ++i) {
      absl::StatusOr<Descriptor> socket = Connect(options_, address);
      if (!socket.ok()) return socket.status();
      auto made = EpollConnection::New(*std::move(socket), set_, memory_, options_.payload_bytes);
      if (!made.ok()) return made.status();
      const auto descriptor = static_cast<size_t>((*made)->descriptor());
      if (index_.size() <= descriptor) index_.resize(2 * descriptor);
      index_[descriptor] = peers_.size();
      peers_.push_back({*std::move(made), RawCaller(calls_, i * slots, slots)});
    }
    return absl::OkStatus();
  }

  // Begins a call in each slot, and more as replies come until `end`; returns when none is in flight.
  absl::Status CallUntil(Instant end) {
    const Instant start = SystemClock().Now();
    for (Peer& peer : peers_) {
      EpollConnection& server = *peer.server;
      if (absl::Status begun = peer.caller.Start(server.writer(), start); !begun.ok()) return begun;
      if (absl::Status armed = server.Rearm(SIZE_MAX); !armed.ok()) return armed;
    }
    while (calls_.in_flight() > 0) {
      const auto events = set_.Wait(kPatienceMilliseconds);
      if (!events.ok()) return events.status();
      const Instant now = SystemClock().Now();
      meter_.Sample(now);
      for (const epoll_event& event : *events) {
        Peer& peer = peers_[index_[static_cast<size_t>(event.data.fd)]];
        if (absl::Status turned = Turn(peer, event.events, now, now < end); !turned.ok()) return turned;
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Peer {
    std::unique_ptr<EpollConnection> server;
    RawCaller caller;
  };

  static absl::Status Turn(Peer& peer, uint32_t events, Instant now, bool goes_on) {
    EpollConnection& server = *peer.server;
    const absl::StatusOr<bool> open = server.OnEvents(events);
    if (!open.ok()) return open.status();
    if (!*open) return absl::UnavailableError("the server closed the connection with calls in flight");
    if (absl::Status turned = peer.caller.Turn(server.reader(), server.writer(), now, goes_on); !turned.ok()) return turned;
    // Always reading: a server that cannot write its replies stops reading, and would never start again.
    return server.Rearm(SIZE_MAX);
  }

  const Options& options_;
  EpollSet set_;
  Calls& calls_;
  Meter& meter_;
  RawMemory memory_;
  std::vector<Peer> peers_;
  std::vector<size_t> index_;  // in peers_, by descriptor
};

class EpollEngine final : public Engine {
 public:
  absl::Status Serve(const Options& options, Rendezvous& rendezvous) override {
    absl::StatusOr<Listening> listening = Listen(options);
    if (!listening.ok()) return listening.status();
    absl::StatusOr<EpollSet> set = EpollSet::New(options.poll);
    if (!set.ok()) return set.status();
    const std::string address = listening->address;
    Server server(options, *std::move(listening), *std::move(set));
    if (absl::Status told = rendezvous.Announce(address); !told.ok()) return told;
    return server.Run();
  }

  absl::StatusOr<std::unique_ptr<Histogram>> Call(const Options& options, absl::string_view address, Meter& meter) override {
    absl::StatusOr<EpollSet> set = EpollSet::New(options.poll);
    if (!set.ok()) return set.status();
    const PayloadPattern pattern(options.payload_bytes, options.shared_payload);
    Calls calls(pattern, meter, options.parallel);
    Client client(options, *std::move(set), calls, meter);
    const bool looked_at = options.workload == Workload::connections;
    if (looked_at) meter.footprint().BeforeOpening();
    absl::Status status = client.Open(address);
    if (status.ok() && looked_at) {
      status = client.CallUntil(Instant{0});  // one call each
      meter.footprint().AfterOpening();
    }
    if (!status.ok()) return status;
    meter.Start(SystemClock().Now());
    if (status = client.CallUntil(meter.end()); !status.ok()) return status;
    if (looked_at) meter.footprint().AfterCalls();
    return std::make_unique<Histogram>(calls.latencies());
  }

  absl::StatusOr<Flow> Post(const Options& options, absl::string_view address, Meter& meter) override {
    absl::StatusOr<EpollSet> set = EpollSet::New(options.poll);
    if (!set.ok()) return set.status();
    absl::StatusOr<Descriptor> socket = Connect(options, address);
    if (!socket.ok()) return socket.status();
    RawMemory memory;
    auto made = EpollConnection::New(*std::move(socket), *set, memory, sizeof(Receipt));
    if (!made.ok()) return made.status();
    EpollConnection& server = **made;
    const PayloadPattern pattern(options.payload_bytes);
    RawPoster poster(pattern, meter);
    meter.Start(SystemClock().Now());
    for (;;) {
      if (absl::Status turned = poster.Turn(server.reader(), server.writer()); !turned.ok()) return turned;
      if (poster.done()) return poster.Finish();
      if (absl::Status armed = server.Rearm(SIZE_MAX); !armed.ok()) return armed;
      const auto events = set->Wait(kPatienceMilliseconds);
      if (!events.ok()) return events.status();
      const absl::StatusOr<bool> open = server.OnEvents((*events)[0].events);
      if (!open.ok()) return open.status();
      if (!*open) return absl::UnavailableError("the server closed the connection before it told what it got");
    }
  }
};

}  // namespace

std::unique_ptr<Engine> NewEpollEngine() { return std::make_unique<EpollEngine>(); }

}  // namespace rain::bench
