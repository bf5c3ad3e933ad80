#include "listenrain/framework/listen_rain.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/acceptor.h"
#include "listenrain/framework/baton.h"
#include "listenrain/framework/countdown.h"
#include "listenrain/framework/failover.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/transport.h"

namespace rain {

// Outlived by the transports' keeper.
class ListenRain::Engine {
 public:
  static std::shared_ptr<Engine> Make(Parts parts) {
    auto engine = std::make_shared<Engine>(std::move(parts));
    engine->keeper_ = Ref<TransportKeeper>::Adopt(new Keeper(engine));
    return engine;
  }
  explicit Engine(Parts parts)
      : executor_(parts.executor),
        table_(parts.packet_codec, parts.executor),
        schemes_(std::move(parts.schemes)),
        pool_(NewTransportPool([this](const SharedProtocol& protocol, const TransportKey& key) { return Open(protocol, key); })) {
    for (std::shared_ptr<Loop>& loop : parts.loops) {
      shards_.push_back(MakeRef<Shard>(std::move(loop), parts.buffers, parts.observer));
    }
  }

  ProtocolRegisterTable& table() { return table_; }
  // User code will run on it: in the turns of its loop, which may be another ListenRain's; or, if it is inline, of all of ours.
  void NoteExecutor(Executor& executor) {
    if (Loop* const loop = executor.loop(); loop != nullptr) KeepFromCallers(*loop);
    if (executor.concurrency() > 0) return;
    for (const Ref<Shard>& shard : shards_) KeepFromCallers(shard->loop());
  }
  TransportPool& pool() { return *pool_; }

  absl::StatusOr<Listener> Listen(const SharedProtocol& protocol, const TransportKey& key,
                                  std::shared_ptr<const RequestSink> sink) {
    if (stopped_) return absl::CancelledError("this ListenRain is stopped");
    const absl::StatusOr<const TransportScheme*> scheme = SchemeOf(*protocol, key);
    if (!scheme.ok()) return scheme.status();
    absl::StatusOr<std::unique_ptr<ChannelGenerator>> generator = Make((*scheme)->listen, key);
    if (!generator.ok()) return generator.status();
    absl::StatusOr<TransportKey> bound =
        Guarded("the channel generator", [&]() -> absl::StatusOr<TransportKey> { return (*generator)->bound_key(); });
    if (!bound.ok()) return bound.status();
    auto box = MakeRef<AcceptorBox>(NextShard(), shards_, *std::move(bound));
    box->shard->Execute([box, protocol, sink = std::move(sink), generator = *std::move(generator)]() mutable {
      auto acceptor = std::make_unique<Acceptor>(box, protocol, std::move(sink), std::move(generator));
      Acceptor& housed = *acceptor;
      box->shard->House(std::move(acceptor));
      housed.Start();
    });
    return Listener(std::move(box));
  }

  Stats StatsOf(const ProtocolParts& protocol) {
    Stats stats;
    for (const Ref<Shard>& shard : shards_) shard->AddStats(protocol, stats);
    return stats;
  }

  absl::StatusOr<InFlightReport> InFlight(const SharedProtocol& protocol, const InFlightOptions& options) {
    if (Baton::AnyHeldHere()) {
      return absl::FailedPreconditionError(
          "InFlight on a thread that runs a loop would wait for that loop: use InFlightThen, or another thread");
    }
    return InFlightLook::Begin(shards_, protocol, options.most_calls, nullptr)->Await(options.timeout);
  }

  // An inline executor runs it on the loop that looked last.
  void InFlightThen(const SharedProtocol& protocol, size_t most_calls, InFlightLook::Done told) {
    auto run = [executor = protocol != nullptr ? protocol->executor : executor_,
                told = std::move(told)](InFlightReport report) mutable {
      GuardedAndLogged("the executor", [&] {
        executor->Run([told = std::move(told), report = std::move(report)]() mutable { std::move(told)(std::move(report)); });
      });
    };
    InFlightLook::Begin(shards_, protocol, most_calls, std::move(run));
  }

  DrainReport Drain(absl::Duration timeout) {
    stopped_ = true;
    const DrainReport all = BeginAndWait([&](rain::Drain::Done done) { DrainThen(timeout, std::move(done)); });
    if (!Baton::AnyHeldHere()) Stop();
    return all;
  }

  void Stop() {
    stopped_ = true;
    for (const Ref<Shard>& shard : shards_) shard->ExecuteAndWait([shard] { shard->Shut(); });
    for (const Ref<Shard>& shard : shards_) shard->ExecuteAndWait([] {});  // the turn in which the ends were told is over
  }

 private:
  class Keeper final : public TransportKeeper {
   public:
    explicit Keeper(std::weak_ptr<Engine> engine) : engine_(std::move(engine)) {}
    void OnGone(PostBox& box) override {
      if (const auto alive = engine_.lock()) alive->pool_->Evict(box);
    }
    void OnRest(PostBox& box) override {  // a generator knows which channel it made last: another one begins anew
      const auto alive = engine_.lock();
      auto again = alive != nullptr ? alive->Dialer(box.protocol(), box.key()) : absl::CancelledError();
      if (again.ok()) box.set_opener(alive->OpenerOf(box, *std::move(again)));
    }

   private:
    const std::weak_ptr<Engine> engine_;
  };

  // Whoever waits, and runs a turn of this loop now, ends with that turn.
  static void KeepFromCallers(Loop& loop) {
    Helm* const helm = loop.helm();
    if (helm == nullptr || !helm->lends()) return;
    helm->KeepFromCallers();
    loop.Run([] {});
  }

  absl::StatusOr<const TransportScheme*> SchemeOf(const ProtocolParts& protocol, const TransportKey& key) const {
    if (absl::Status status = key.status(); !status.ok()) return status;
    if (!key.endpoints().empty()) {
      return absl::InvalidArgumentError(absl::StrCat("\"", key.text(), "\" is a list of endpoints: listen on each by itself"));
    }
    std::string known;
    for (const auto* schemes : {&protocol.channels, &schemes_}) {
      for (const TransportScheme& scheme : *schemes) {
        if (scheme.name == key.scheme()) return &scheme;
        absl::StrAppend(&known, known.empty() ? "" : ", ", scheme.name);
      }
    }
    return absl::UnimplementedError(
        absl::StrCat("no channel generator for the scheme of \"", key.text(), "\"; known: ", known.empty() ? "none" : known));
  }

  static absl::StatusOr<std::unique_ptr<ChannelGenerator>> Make(const TransportScheme::Factory& factory,
                                                                const TransportKey& key) {
    auto generator = Guarded("the transport scheme", [&] { return factory(key); });
    if (!generator.ok() || *generator != nullptr) return generator;
    return absl::InternalError(absl::StrCat("the scheme of \"", key.text(), "\" made no channel generator, and no error"));
  }

  // To dial the key, or whichever of its endpoints can be reached.
  absl::StatusOr<std::unique_ptr<ChannelGenerator>> Dialer(const ProtocolParts& protocol, const TransportKey& key) const {
    if (!key.endpoints().empty()) {
      std::vector<std::unique_ptr<ChannelGenerator>> endpoints;
      for (const TransportKey& endpoint : key.endpoints()) {
        absl::StatusOr<std::unique_ptr<ChannelGenerator>> generator = Dialer(protocol, endpoint);
        if (!generator.ok()) return generator;
        endpoints.push_back(*std::move(generator));
      }
      return NewFailover(key, std::move(endpoints));
    }
    const absl::StatusOr<const TransportScheme*> scheme = SchemeOf(protocol, key);
    if (!scheme.ok()) return scheme.status();
    return Make((*scheme)->dial, key);
  }

  absl::StatusOr<Ref<PostBox>> Open(const SharedProtocol& protocol, const TransportKey& key) {
    if (stopped_) return absl::CancelledError("this ListenRain is stopped");
    absl::StatusOr<std::unique_ptr<ChannelGenerator>> generator = Dialer(*protocol, key);
    if (!generator.ok()) return generator.status();
    auto box = MakeRef<PostBox>(NextShard(), protocol, key, Role::dialer);
    box->set_opener(OpenerOf(*box, *std::move(generator)));
    return box;
  }

  // Makes the transport of a box, on its loop, each time that it is used anew.
  absl::AnyInvocable<void() &&> OpenerOf(PostBox& of, std::unique_ptr<ChannelGenerator> generator) {
    return [keeper = keeper_, box = &of, generator = std::move(generator)]() mutable {
      if (box->shard().ending()) return;
      auto transport = std::make_unique<Transport>(Ref<PostBox>::Share(box), box->protocol().router, keeper);
      Transport& housed = *transport;
      box->shard().House(std::move(transport));
      if (box->opened_transport() != nullptr) housed.Dial(std::move(generator));
    };
  }

  // In turn.
  const Ref<Shard>& NextShard() { return shards_[next_shard_.fetch_add(1, std::memory_order_relaxed) % shards_.size()]; }

  // When no loop accepts any more, and so hands nothing over to another one, each drains.
  void DrainThen(absl::Duration timeout, rain::Drain::Done done) {
    const auto sum = MakeRef<DrainSum>(shards_.size(), std::move(done));
    const auto drain = [shards = shards_, timeout, sum] {
      for (const Ref<Shard>& shard : shards) {
        shard->Execute([shard, timeout, sum] {
          rain::Drain::Begin(*shard, timeout, shard->Residents(), [shard, sum](DrainReport report) {
            shard->Shut();
            sum->Add(report);
          });
        });
      }
    };
    const auto accepting = MakeRef<Countdown>(shards_.size(), drain);
    for (const Ref<Shard>& shard : shards_) {
      shard->Execute([shard, accepting] {
        shard->BeginEnd();
        for (Resident* resident : shard->Residents()) resident->StopAccepting();
        accepting->Down();
      });
    }
  }

  const std::shared_ptr<Executor> executor_;
  ProtocolRegisterTable table_;
  const std::vector<TransportScheme> schemes_;
  std::vector<Ref<Shard>> shards_;  // one for each loop; constant
  std::atomic<size_t> next_shard_{0};
  const std::unique_ptr<TransportPool> pool_;
  Ref<TransportKeeper> keeper_;  // constant
  std::atomic<bool> stopped_{false};
};

ListenRain::ListenRain(Parts parts) : await_handlers_(std::move(parts.await_handlers)), engine_(Engine::Make(std::move(parts))) {}

ListenRain::~ListenRain() {
  Stop();
  if (await_handlers_ && !Baton::AnyHeldHere()) await_handlers_();
}

ProtocolRegisterTable& ListenRain::table() { return engine_->table(); }
void ListenRain::NoteExecutor(Executor& executor) { engine_->NoteExecutor(executor); }
TransportPool& ListenRain::pool() { return engine_->pool(); }

absl::StatusOr<Listener> ListenRain::ListenWith(const SharedProtocol& protocol, const TransportKey& key,
                                                std::shared_ptr<const RequestSink> sink) {
  return engine_->Listen(protocol, key, std::move(sink));
}

Stats ListenRain::StatsOfParts(const ProtocolParts& protocol) const { return engine_->StatsOf(protocol); }

absl::StatusOr<InFlightReport> ListenRain::InFlightOf(const SharedProtocol& protocol, const InFlightOptions& options) const {
  return engine_->InFlight(protocol, options);
}

void ListenRain::InFlightOfThen(const SharedProtocol& protocol, size_t most_calls, InFlightLook::Done told) const {
  engine_->InFlightThen(protocol, most_calls, std::move(told));
}

std::vector<PooledTransport> ListenRain::Transports() const { return engine_->pool().Transports(); }

DrainReport ListenRain::Drain(absl::Duration timeout) { return engine_->Drain(timeout); }

void ListenRain::Stop() { engine_->Stop(); }

}  // namespace rain
