// Mutants of generators and schemes.
#include <utility>

#include "listenrain/testing/channel_mutants.h"
#include "listenrain/testing/forwarding_channel.h"
#include "listenrain/testing/mutated_inproc.h"

namespace rain {
namespace {

size_t leaked = 0;

class LeaksDescriptors final : public ForwardingGenerator {
 public:
  explicit LeaksDescriptors(std::unique_ptr<ChannelGenerator> generator) : ForwardingGenerator(std::move(generator)) { ++leaked; }
};

class CallsDoneInsideNext final : public ForwardingGenerator {
 public:
  using ForwardingGenerator::ForwardingGenerator;
  void Next(Loop&, Done done) override { std::move(done)(absl::UnavailableError("refused")); }
};

class NeverCallsDone final : public ForwardingGenerator {
 public:
  using ForwardingGenerator::ForwardingGenerator;
  void Next(Loop&, Done done) override { done_ = std::move(done); }

 private:
  Done done_;
};

// Lives on until the next turn.
class CallsDoneAfterItsEnd final : public ForwardingGenerator {
 public:
  using ForwardingGenerator::ForwardingGenerator;
  ~CallsDoneAfterItsEnd() override {
    if (home_ != nullptr) home_->Run([generator = std::move(inner)] {});
  }
  void Next(Loop& home, Done done) override {
    home_ = &home;
    inner->Next(home, std::move(done));
  }

 private:
  Loop* home_ = nullptr;
};

class RefusesWithAnotherCode final : public ForwardingGenerator {
 public:
  using ForwardingGenerator::ForwardingGenerator;
  void Next(Loop& home, Done done) override {
    inner->Next(home, [to = std::move(done)](absl::StatusOr<std::unique_ptr<Channel>> made) mutable {
      if (!made.ok()) made = absl::NotFoundError("no such name");
      std::move(to)(std::move(made));
    });
  }
};

// Its channels die on any other loop than their generator's.
class MakesChannelsForItsOwnLoop final : public ForwardingGenerator {
 public:
  using ForwardingGenerator::ForwardingGenerator;
  void Next(Loop& loop, Done done) override {
    inner->Next(loop, [&loop, to = std::move(done)](absl::StatusOr<std::unique_ptr<Channel>> made) mutable {
      if (made.ok()) made = std::make_unique<Tied>(loop, *std::move(made));
      std::move(to)(std::move(made));
    });
  }

 private:
  class Tied final : public ForwardingChannel {
   public:
    Tied(Loop& made_on, std::unique_ptr<Channel> channel) : ForwardingChannel(std::move(channel)), made_on_(made_on) {}
    void Start(Loop& home, ChannelEvents& to) override {
      ForwardingChannel::Start(home, to);
      if (&home != &made_on_) Close(absl::InternalError("on a loop that is not its own"));
    }

   private:
    Loop& made_on_;
  };
};

class BindsToNoKey final : public ForwardingGenerator {
 public:
  using ForwardingGenerator::ForwardingGenerator;
  TransportKey bound_key() const override { return "here"; }
};

class KnowsNoPeer final : public ForwardingChannel {
 public:
  using ForwardingChannel::ForwardingChannel;
  std::shared_ptr<const PeerInfo> peer() const override { return nullptr; }
};

TransportScheme IgnoresUnknownOptions() {
  TransportScheme scheme = NewInprocScheme();
  const auto strip = [](TransportScheme::Factory make) {
    return [make](const TransportKey& key) { return make(key.text().substr(0, key.text().find('?'))); };
  };
  return {scheme.name, strip(scheme.dial), strip(scheme.listen)};
}

TransportScheme ListensTwice() {
  TransportScheme scheme = NewInprocScheme();
  const auto listen = scheme.listen;
  const TransportScheme elsewhere = NewInprocScheme();
  scheme.listen = [listen, elsewhere](const TransportKey& key) {
    auto listener = listen(key);
    return listener.ok() || !absl::IsUnavailable(listener.status()) ? std::move(listener) : elsewhere.listen(key);
  };
  return scheme;
}

}  // namespace

size_t LeakedByMutants() { return leaked; }

std::vector<ChannelMutant> GeneratorMutants() {
  return {
      {"LeaksDescriptors", "descriptors leak", MutateGenerators<LeaksDescriptors>},
      {"CallsDoneInsideNext", "`done` was called inside Next", MutateGenerators<CallsDoneInsideNext>},
      {"NeverCallsDone", "never: an answer to the dialer's Next", MutateGenerators<NeverCallsDone>},
      {"CallsDoneAfterItsEnd", "though its generator was destroyed", MutateGenerators<CallsDoneAfterItsEnd>},
      {"RefusesWithAnotherCode", "a refused dial gave", MutateGenerators<RefusesWithAnotherCode>},
      {"MakesChannelsForItsOwnLoop", "a peer's 300000 bytes, all read", MutateGenerators<MakesChannelsForItsOwnLoop>},
      {"BindsToNoKey", "bound_key()", MutateGenerators<BindsToNoKey>},
      {"KnowsNoPeer", "peer() is null", Mutate<KnowsNoPeer>},
      {"IgnoresUnknownOptions", "with an unknown option gave", IgnoresUnknownOptions},
      {"ListensTwice", "listening twice gave", ListensTwice},
  };
}

}  // namespace rain
