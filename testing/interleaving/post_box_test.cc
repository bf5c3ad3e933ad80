// A transport's post box and its nodes: who asks from outside is told once, whatever the loop does meanwhile.
#include "listenrain/framework/post_box.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/outgoing.h"
#include "listenrain/framework/packet_codec.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/sync_waiter.h"
#include "listenrain/testing/interleaving/explored_test.h"
#include "listenrain/testing/interleaving/model_loop_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

using testing::HasSubstr;

// Keeps what it is given: nobody explores the executor.
class Shelf final : public Executor {
 public:
  void Run(absl::AnyInvocable<void() &&> task) override { kept_.push_back(std::move(task)); }
  int concurrency() const override { return 1; }
  void RunAll() {
    for (auto& task : std::exchange(kept_, {})) std::move(task)();
  }

 private:
  std::vector<absl::AnyInvocable<void() &&>> kept_;
};

// There is no channel, so no packets.
class NoPackets final : public PacketCodec {
 public:
  PacketTraits traits() const override { return {}; }
  absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>>, absl::Span<char>,
                                     absl::Span<char>) const override {
    return absl::UnimplementedError("no packets");
  }
  absl::StatusOr<PacketShape> DecodePacket(absl::Span<const char>, ScanState&) const override {
    return absl::UnimplementedError("no packets");
  }
};

// A box whose transport has no engine: what reaches it fails at once.
struct Box {
  Box() {
    auto parts = std::make_shared<ProtocolParts>();
    parts->executor = shelf;
    parts->packet_codec = std::make_shared<NoPackets>();
    parts->limits.max_queued_packets = 2;
    box = MakeRef<PostBox>(shard, std::move(parts), TransportKey("model://peer"), Role::acceptor);
  }
  // Asks and waits, as SyncSend does. True if the request had an outcome of its own; false if it was refused.
  bool Ask(Cancellation* cancellation = nullptr) {
    SyncWaiter waiter;
    Submission submission;
    submission.where = RunOn::loop;
    submission.waiter = &waiter;
    submission.cancellation = cancellation;
    const auto encode = [](const MessageHeader&, PayloadWriter& writer) {
      writer.Append(Buffer::Static("?"));
      return absl::OkStatus();
    };
    if (!box->Submit(submission, encode).ok()) return false;
    Require(!waiter.Wait().ok(), "the transport that is gone fails it");
    return true;
  }

  std::shared_ptr<ModelLoop> loop = std::make_shared<ModelLoop>();
  std::shared_ptr<Shelf> shelf = std::make_shared<Shelf>();
  Ref<Shard> shard = MakeRef<Shard>(loop, NewBufferPool(), nullptr);
  Ref<PostBox> box;
};

// A handler asks to be told of its request's cancellation, while the loop does something that is one.
void IsToldOf(Scenario& scenario, absl::FunctionRef<void(PostBox&)> happens) {
  struct State : Box {
    int told = 0;
  };
  auto state = std::make_shared<State>();
  state->box->set_channel(1);
  scenario.Thread("handler", [state] { state->box->OnCancelled(MsgId(5), 1, [state] { ++state->told; }); });
  scenario.Thread("loop", [state, happens = std::function<void(PostBox&)>(happens)] { happens(*state->box); });
  scenario.Thread("asks", [state] {
    const bool cancelled = state->box->cancelled(MsgId(5), 1);
    Require(!cancelled || state->box->cancelled(MsgId(5), 1), "what is cancelled stays so");
  });
  scenario.AtEnd([state] {
    state->shelf->RunAll();
    Require(state->told == 1, "a handler is told once");
  });
}

TEST(PostBoxInterleaved, AHandlerIsToldOfItsRequestsEndWhicheverComesFirst) {
  const Exploration channel =
      ExploreAndTell("a new channel", [](Scenario& scenario) { IsToldOf(scenario, [](PostBox& box) { box.set_channel(2); }); });
  EXPECT_TRUE(channel.ok()) << channel.failure;
  const Exploration end = ExploreAndTell(
      "the transport's end", [](Scenario& scenario) { IsToldOf(scenario, [](PostBox& box) { box.set_transport(nullptr); }); });
  EXPECT_TRUE(end.ok()) << end.failure;
  const Exploration both = ExploreAndTell("a cancel, and the end", [](Scenario& scenario) {
    IsToldOf(scenario, [](PostBox& box) {
      box.NoteCancelled(MsgId(5));
      box.set_transport(nullptr);
    });
  });
  EXPECT_TRUE(both.ok()) << both.failure;
}

// Its answer and its cancellation: at most once, and never after it was forgotten.
TEST(PostBoxInterleaved, AHandlerWhoseRequestIsAnsweredIsToldAtMostOnce) {
  const Exploration all = ExploreAndTell("a cancel, and an answer", [](Scenario& scenario) {
    struct State : Box {
      Atomic<int> told{0};
      std::shared_ptr<int> held = std::make_shared<int>();
    };
    auto state = std::make_shared<State>();
    state->box->set_channel(1);
    for (const char* name : {"handler", "its other thread"}) {
      scenario.Thread(
          name, [state] { state->box->OnCancelled(MsgId(5), 1, [state, held = state->held] { state->told.fetch_add(1); }); });
    }
    scenario.Thread("loop", [state] {
      state->box->Forget(MsgId(5));
      state->box->NoteCancelled(MsgId(5));
      state->box->Forget(MsgId(5));
      state->box->set_channel(2);
    });
    scenario.AtEnd([state] {
      state->shelf->RunAll();
      Require(state->told.load() <= 2, "each is told at most once");
      Require(state->held.use_count() == 1, "what was not told is gone");
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

enum class Wrong { nowhere, looks_before_it_notes, reads_what_is_noted_first };

// The protocol of OnCancelled and set_channel, right or wrong.
template <Wrong wrong>
void SmallBox(Scenario& scenario) {
  struct State {
    Atomic<bool> gone{false};
    Atomic<size_t> noted{0};
    Mutex mutex;
    int waiting ABSL_GUARDED_BY(mutex) = 0;
    Atomic<int> told{0};
  };
  auto state = std::make_shared<State>();
  scenario.Thread("handler", [state] {
    const bool gone_before = wrong == Wrong::looks_before_it_notes && state->gone.load();
    {
      MutexLock lock(state->mutex);
      state->noted.store(1);
      const bool gone = wrong == Wrong::looks_before_it_notes ? gone_before : state->gone.load();
      if (!gone) {
        ++state->waiting;
        return;
      }
    }
    state->told.fetch_add(1);
  });
  scenario.Thread("loop", [state] {
    const bool noted_before = wrong == Wrong::reads_what_is_noted_first && state->noted.load() > 0;
    state->gone.store(true);
    if (wrong == Wrong::reads_what_is_noted_first ? !noted_before : state->noted.load() == 0) return;
    MutexLock lock(state->mutex);
    state->told.fetch_add(std::exchange(state->waiting, 0));
  });
  scenario.AtEnd([state] { Require(state->told.load() == 1, "a handler is told once"); });
}

TEST(PostBoxInterleaved, WrongOnesAreFound) {
  const Exploration right = ExploreAndTell("notes, small", SmallBox<Wrong::nowhere>);
  EXPECT_TRUE(right.ok()) << right.failure;
  const Exploration early = ExploreAndTell("looks before it notes", SmallBox<Wrong::looks_before_it_notes>);
  EXPECT_THAT(early.failure, HasSubstr("a handler is told once"));
  const Exploration first = ExploreAndTell("reads what is noted first", SmallBox<Wrong::reads_what_is_noted_first>);
  EXPECT_THAT(first.failure, HasSubstr("a handler is told once"));
}

// A request comes from outside, and its caller waits for the outcome; when that is there, the loop's thread may end.
struct Asking : Box {
  Asking() { box->set_transport(nullptr); }
  void AskAndEnd(Cancellation* cancellation) {
    Ask(cancellation);
    loop->Run([this] { over = true; });
  }
  void RequireNothingIsLeft() {
    loop->RunTurn(Instant{});  // what was posted last, and holds the box
    Require(box->budget().packets() == 0, "nothing is charged in the end");
    Require(shard->buffers().bytes_in_use() == 0, "every block is at home");
  }
  bool over = false;  // belongs to the loop
};

// It is refused, or it ends.
TEST(PostBoxInterleaved, ARequestFromOutsideEndsOnceWhileItsShardIsShut) {
  const auto set_up = [](Scenario& scenario) {
    auto asking = std::make_shared<Asking>();
    scenario.Thread("caller", [asking] { asking->AskAndEnd(nullptr); });
    scenario.Thread("loop", [asking] {
      asking->loop->RunTurn(Instant{});
      asking->loop->Run([shard = asking->shard.get()] { shard->Shut(); });
      while (!asking->over) asking->loop->RunTurn(Instant::Infinite());
    });
    scenario.AtEnd([asking] { asking->RequireNothingIsLeft(); });
  };
  const Exploration all = ExploreAndTell("a request and Shut", set_up);
  EXPECT_TRUE(all.ok()) << all.failure;
}

// Wherever it is on its way to the loop.
TEST(PostBoxInterleaved, ARequestFromOutsideMayBeCancelledAtAnyMoment) {
  const auto set_up = [](Scenario& scenario) {
    struct State : Asking {
      Cancellation cancellation;
    };
    auto state = std::make_shared<State>();
    scenario.Thread("caller", [state] { state->AskAndEnd(&state->cancellation); });
    scenario.Thread("canceller", [state] { state->cancellation.Cancel(); });
    scenario.Thread("loop", [state] {
      while (!state->over) state->loop->RunTurn(Instant::Infinite());
    });
    scenario.AtEnd([state] { state->RequireNothingIsLeft(); });
  };
  ExploreOptions options;
  if (CurrentTestScale() != TestScale::long_run) options.max_preemptions = 1;
  const Exploration all = ExploreAndTell("a request and its Cancellation", set_up, options);
  EXPECT_TRUE(all.ok()) << all.failure;
}

}  // namespace
}  // namespace rain
