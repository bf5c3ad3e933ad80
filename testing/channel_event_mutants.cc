// Mutants that are wrong about what they tell, and when.
#include <optional>
#include <utility>

#include "listenrain/testing/channel_mutants.h"
#include "listenrain/testing/forwarding_channel.h"
#include "listenrain/testing/mutated_inproc.h"

namespace rain {
namespace {

// Runs a task in a later turn, unless it has been destroyed before.
class LateChannel : public ForwardingChannel {
 public:
  using ForwardingChannel::ForwardingChannel;

 protected:
  void Later(std::function<void()> task) {
    loop->Run([alive = std::weak_ptr<int>(alive_), run = std::move(task)] {
      if (!alive.expired()) run();
    });
  }

 private:
  const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

class TellsOnClosedTwice final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnClosed(absl::Status why) override {
    events->OnClosed(why);
    events->OnClosed(why);
  }
};

class NeverTellsOnClosed final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnClosed(absl::Status) override {}
};

class TellsOnClosedInsideClose final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void Close(absl::Status why) override {
    if (!std::exchange(closed_, true)) events->OnClosed(why);
    inner->Close(std::move(why));
  }
  void OnClosed(absl::Status why) override {
    if (!std::exchange(closed_, true)) events->OnClosed(std::move(why));
  }
  bool closed_ = false;
};

class EndsAfterOnClosed final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnClosed(absl::Status why) override {
    events->OnClosed(std::move(why));
    events->OnEnd();
  }
};

class ReadsAfterClose final : public LateChannel {
  using LateChannel::LateChannel;
  void OnRead(Buffer bytes) override {
    const auto late = std::make_shared<Buffer>(std::move(bytes));
    Later([this, late] { events->OnRead(std::move(*late)); });
  }
  void OnClosed(absl::Status why) override {
    Later([this, why] { events->OnClosed(why); });
  }
};

class ClosesWithAStatusOfItsOwn final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnClosed(absl::Status) override { events->OnClosed(absl::UnavailableError("closed")); }
};

class TheLastReasonCounts final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void Close(absl::Status why) override {
    last_ = why;
    inner->Close(std::move(why));
  }
  void OnClosed(absl::Status why) override { events->OnClosed(last_.value_or(std::move(why))); }
  std::optional<absl::Status> last_;
};

class NeverTellsOnDrained final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnDrained() override {}
};

class TellsOnDrainedEarly final : public LateChannel {
  using LateChannel::LateChannel;
  void Write(absl::Span<const Buffer> pieces) override {
    inner->Write(pieces);
    if (inner->pending_bytes() > 0 && !std::exchange(told_, true)) {
      Later([this] { events->OnDrained(); });
    }
  }
  bool told_ = false;
};

class TellsOnDrainedInsideWrite final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void Write(absl::Span<const Buffer> pieces) override {
    inner->Write(pieces);
    if (inner->pending_bytes() == 0) events->OnDrained();
  }
};

class TellsOnDrainedAfterEachWrite final : public LateChannel {
  using LateChannel::LateChannel;
  void Write(absl::Span<const Buffer> pieces) override {
    inner->Write(pieces);
    if (inner->pending_bytes() == 0) Later([this] { events->OnDrained(); });
  }
};

class NeverTellsOnEnd final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnEnd() override {}
};

class TellsOnEndTwice final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnEnd() override {
    events->OnEnd();
    events->OnEnd();
  }
};

class EndsBeforeItsLastBytes final : public LateChannel {
  using LateChannel::LateChannel;
  void OnRead(Buffer bytes) override {
    const auto late = std::make_shared<Buffer>(std::move(bytes));
    Later([this, late] {
      if (!closed_) events->OnRead(std::move(*late));
    });
  }
  void OnClosed(absl::Status why) override {
    closed_ = true;
    events->OnClosed(std::move(why));
  }
  bool closed_ = false;
};

class AnEmptyReadMeansTheEnd final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnEnd() override { events->OnRead(Buffer()); }
};

class WritesAfterCloseWrite final : public LateChannel {
  using LateChannel::LateChannel;
  void CloseWrite() override {
    Later([this] { inner->CloseWrite(); });
  }
};

class KeepsItsPeersDeathToItself final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void Close(absl::Status why) override {
    closing_ = true;
    inner->Close(std::move(why));
  }
  void OnClosed(absl::Status why) override {
    if (closing_) events->OnClosed(std::move(why));
  }
  bool closing_ = false;
};

class DiesOfAnotherCode final : public ForwardingChannel {
  using ForwardingChannel::ForwardingChannel;
  void OnClosed(absl::Status why) override {
    events->OnClosed(absl::IsUnavailable(why) ? absl::InternalError("broken pipe") : std::move(why));
  }
};

// Looks again and again whether there is something to do.
class NeverRests final : public LateChannel {
 public:
  using LateChannel::LateChannel;
  void Start(Loop& home, ChannelEvents& to) override {
    LateChannel::Start(home, to);
    Look();
  }

 private:
  void Look() {
    Later([this] { Look(); });
  }
};

}  // namespace

std::vector<ChannelMutant> EventMutants() {
  return {
      {"TellsOnClosedTwice", "OnClosed after OnClosed", Mutate<TellsOnClosedTwice>},
      {"NeverTellsOnClosed", "never: OnClosed after Close", Mutate<NeverTellsOnClosed>},
      {"TellsOnClosedInsideClose", "OnClosed inside a call of Close", Mutate<TellsOnClosedInsideClose>},
      {"EndsAfterOnClosed", "OnEnd after OnClosed", Mutate<EndsAfterOnClosed>},
      {"ReadsAfterClose", "OnRead after Close", Mutate<ReadsAfterClose>},
      {"ClosesWithAStatusOfItsOwn", "OnClosed was told", Mutate<ClosesWithAStatusOfItsOwn>},
      {"TheLastReasonCounts", "a second reason", Mutate<TheLastReasonCounts>},
      {"NeverTellsOnDrained", "never: OnDrained", Mutate<NeverTellsOnDrained>},
      {"TellsOnDrainedEarly", "OnDrained while", Mutate<TellsOnDrainedEarly>},
      {"TellsOnDrainedInsideWrite", "OnDrained inside a call of Write", Mutate<TellsOnDrainedInsideWrite>},
      {"TellsOnDrainedAfterEachWrite", "OnDrained though nothing had pended", Mutate<TellsOnDrainedAfterEachWrite>},
      {"NeverTellsOnEnd", "never: OnEnd after CloseWrite", Mutate<NeverTellsOnEnd>},
      {"TellsOnEndTwice", "a second OnEnd", Mutate<TellsOnEndTwice>},
      {"EndsBeforeItsLastBytes", "OnRead after OnEnd", Mutate<EndsBeforeItsLastBytes>},
      {"AnEmptyReadMeansTheEnd", "OnRead without a byte", Mutate<AnEmptyReadMeansTheEnd>},
      {"WritesAfterCloseWrite", "do not make the", Mutate<WritesAfterCloseWrite>},
      {"KeepsItsPeersDeathToItself", "never: OnClosed when", Mutate<KeepsItsPeersDeathToItself>},
      {"DiesOfAnotherCode", "which should be UNAVAILABLE", Mutate<DiesOfAnotherCode>},
      {"NeverRests", "the loop never comes to rest", Mutate<NeverRests>},
  };
}

}  // namespace rain
