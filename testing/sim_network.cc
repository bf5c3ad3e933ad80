#include "listenrain/testing/sim_network.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/testing/sim_channel.h"

namespace rain {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>;

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
constexpr absl::Duration kAcceptRetry = absl::Milliseconds(100);
constexpr size_t kBacklog = 64;

struct Place {
  std::string node;
  int port = 0;
};

absl::StatusOr<Place> PlaceOf(const TransportKey& key) {
  if (!key.status().ok()) return key.status();
  const size_t colon = key.address().rfind(':');
  Place place;
  if (key.scheme() != "sim" || colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(key.address().substr(colon + 1), &place.port) || place.port < 0 || place.port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("transport key \"", key.text(), "\": a key of a simulated network reads sim://node:port"));
  }
  place.node = std::string(key.address().substr(0, colon));
  return place;
}

}  // namespace

// One call of Next, until it is answered or its generator is gone.
struct SimAttempt {
  Loop* loop = nullptr;  // null: nobody waits any more
  Done done;

  static void Answer(std::shared_ptr<SimAttempt> attempt, absl::StatusOr<std::unique_ptr<Channel>> with) {
    if (attempt->loop == nullptr) return;  // a channel that nobody wants closes
    attempt->loop->Run([attempt, with = std::move(with)]() mutable {
      if (std::exchange(attempt->loop, nullptr) != nullptr) std::exchange(attempt->done, nullptr)(std::move(with));
    });
  }
};

namespace {

// What the two generators have in common: at most one attempt at a time, which ends with them.
class SimGenerator : public ChannelGenerator {
 public:
  ~SimGenerator() override { Cancel(); }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }

 protected:
  std::shared_ptr<SimAttempt> NewAttempt(Loop& loop, Done done) {
    Cancel();
    attempt_ = std::make_shared<SimAttempt>();
    attempt_->loop = &loop;
    attempt_->done = std::move(done);
    return attempt_;
  }

 private:
  void Cancel() {
    if (attempt_ == nullptr) return;
    attempt_->loop = nullptr;
    attempt_->done = nullptr;
  }
  std::shared_ptr<SimAttempt> attempt_;
};

}  // namespace

class SimListener final : public SimGenerator {
 public:
  SimListener(std::shared_ptr<SimNetwork> network, Place place) : network_(std::move(network)), place_(std::move(place)) {
    network_->nodes_[place_.node].listeners[place_.port] = this;
  }
  ~SimListener() override {
    auto& listeners = network_->nodes_[place_.node].listeners;
    if (const auto found = listeners.find(place_.port); found != listeners.end() && found->second == this) listeners.erase(found);
  }

  void Next(Loop& loop, Done done) override {
    waiting_ = NewAttempt(loop, std::move(done));
    Match();
  }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return kAcceptRetry; }
  TransportKey bound_key() const override { return absl::StrCat("sim://", place_.node, ":", place_.port); }

  bool full() const { return arrived_.size() >= kBacklog; }
  void Arrive(std::unique_ptr<Channel> channel) {
    arrived_.push_back(std::move(channel));
    Match();
  }

 private:
  void Match() {
    if (waiting_ == nullptr || arrived_.empty()) return;
    if (int& to_fail = network_->nodes_[place_.node].accepts_to_fail; to_fail > 0) {
      --to_fail;
      return SimAttempt::Answer(std::exchange(waiting_, nullptr),
                                absl::ResourceExhaustedError("accept: too many open files (simulated)"));
    }
    SimAttempt::Answer(std::exchange(waiting_, nullptr), std::move(arrived_.front()));
    arrived_.pop_front();
  }

  const std::shared_ptr<SimNetwork> network_;
  const Place place_;
  std::shared_ptr<SimAttempt> waiting_;
  std::deque<std::unique_ptr<Channel>> arrived_;
};

class SimDialer final : public SimGenerator {
 public:
  SimDialer(std::shared_ptr<SimNetwork> network, std::string node, TransportKey key, const BackoffOptions& backoff)
      : network_(std::move(network)), node_(std::move(node)), key_(std::move(key)), backoff_(backoff) {}

  void Next(Loop& loop, Done done) override {
    loop_ = &loop;
    network_->Dial(node_, key_, NewAttempt(loop, std::move(done)));
  }
  std::optional<absl::Duration> RetryAfter(const absl::Status& why, absl::Duration lived) override {
    return backoff_.RetryAfter(*loop_, why, lived);
  }
  TransportKey bound_key() const override { return key_; }

 private:
  const std::shared_ptr<SimNetwork> network_;
  const std::string node_;
  const TransportKey key_;
  Backoff backoff_;
  Loop* loop_ = nullptr;
};

const SimLink& SimNetwork::LinkBetween(const std::string& a, const std::string& b) const {
  const auto found = links_.find(std::minmax(a, b));
  return found == links_.end() ? link_ : found->second;
}

void SimNetwork::Dial(const std::string& from, const TransportKey& to, std::shared_ptr<SimAttempt> attempt) {
  history_.Note(from, absl::StrCat("dials ", to.text()));
  agenda_.In(Latency(LinkBetween(from, PlaceOf(to)->node)),
             [self = shared_from_this(), from, to, attempt = std::move(attempt)]() mutable {
               self->ArriveAt(from, to, std::move(attempt));
             });
}

void SimNetwork::ArriveAt(const std::string& from, const TransportKey& to, std::shared_ptr<SimAttempt> attempt) {
  if (attempt->loop == nullptr) return;
  const auto fail = [&](absl::Duration after, absl::string_view why) {
    history_.Note(from, absl::StrCat("cannot connect to ", to.text(), ": ", why));
    agenda_.In(after, [attempt, status = absl::UnavailableError(absl::StrCat(to.text(), ": ", why))] {
      SimAttempt::Answer(attempt, status);
    });
  };
  const Place place = *PlaceOf(to);
  const SimLink& link = LinkBetween(from, place.node);
  Node& node = nodes_[place.node];
  if (node.dialing == SimDialing::unresolvable) return fail(absl::ZeroDuration(), "the name cannot be resolved");
  if (node.dialing == SimDialing::black_hole || !node.up || Parted(from, place.node))
    return fail(kConnectTimeout, "connect timed out");
  const auto found = node.listeners.find(place.port);
  if (node.dialing == SimDialing::refused || found == node.listeners.end()) return fail(Latency(link), "connection refused");
  if (found->second->full()) return fail(kConnectTimeout, "connect timed out (the backlog is full)");
  auto connection = std::make_shared<SimConnection>(agenda_, random_.Fork(), link);
  roads_.push_back({from, place.node, connection});
  history_.Note(from, absl::StrCat("connects to ", to.text()));
  found->second->Arrive(std::make_unique<SimChannel>(connection, 1, absl::StrCat("sim://", from, ":", ++nodes_[from].last_port)));
  agenda_.In(Latency(link),
             [connection, attempt = std::move(attempt), address = absl::StrCat("sim://", place.node, ":", place.port)] {
               SimAttempt::Answer(attempt, std::make_unique<SimChannel>(connection, 0, address));
             });
}

std::vector<SimNetwork::Road> SimNetwork::Roads() {
  roads_.erase(std::remove_if(roads_.begin(), roads_.end(),
                              [](const Road& road) {
                                const auto connection = road.connection.lock();
                                return connection == nullptr || connection->over();
                              }),
               roads_.end());
  return roads_;
}

void SimNetwork::Part(const std::string& a, const std::string& b, bool parted) {
  const auto pair = std::minmax(a, b);
  if (!parted && !Parted(a, b)) return;
  int& partitions = parted_[pair];
  const bool changes = parted ? partitions++ == 0 : --partitions == 0;
  if (partitions == 0) parted_.erase(pair);
  if (!changes) return;
  for (const Road& road : Roads()) {
    if (std::minmax(road.dialer, road.acceptor) != pair) continue;
    const auto connection = road.connection.lock();
    for (const int side : {0, 1}) connection->Hold(side, parted);
  }
}

void SimNetwork::Vanish(const std::string& node) {
  nodes_[node].up = false;
  nodes_[node].listeners.clear();
  for (const Road& road : Roads()) {
    const auto connection = road.connection.lock();
    if (road.dialer == node) connection->Vanish(0);
    if (road.acceptor == node) connection->Vanish(1);
  }
}

void SimNetwork::Return(const std::string& node) {
  nodes_[node].up = true;
  for (const Road& road : Roads()) {
    const auto connection = road.connection.lock();
    if (road.dialer == node) connection->Return(0);
    if (road.acceptor == node) connection->Return(1);
  }
}

TransportScheme SimNetwork::SchemeOf(const std::string& node) {
  TransportScheme scheme;
  scheme.name = "sim";
  scheme.dial = [self = shared_from_this(), node](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
    const absl::StatusOr<Place> place = PlaceOf(key);
    if (!place.ok()) return place.status();
    absl::Status known = key.CheckOptions({"backoff", "backoff_max"});
    if (!known.ok()) return known;
    const absl::StatusOr<BackoffOptions> backoff = ParseBackoffOptions(key);
    if (!backoff.ok()) return backoff.status();
    return std::make_unique<SimDialer>(self, node, key, *backoff);
  };
  scheme.listen = [self = shared_from_this(),
                   node](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
    absl::StatusOr<Place> place = PlaceOf(key);
    if (!place.ok()) return place.status();
    if (place->node != node) {
      return absl::InvalidArgumentError(absl::StrCat("transport key \"", key.text(), "\": this node is ", node));
    }
    Node& here = self->nodes_[node];
    if (place->port == 0) {
      for (place->port = 30'000; here.listeners.count(place->port) > 0;) ++place->port;
    }
    if (here.listeners.count(place->port) > 0) return absl::UnavailableError(absl::StrCat(key.text(), ": address in use"));
    return std::make_unique<SimListener>(self, *std::move(place));
  };
  return scheme;
}

}  // namespace rain
