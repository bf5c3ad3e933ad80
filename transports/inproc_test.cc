// What is particular to in-process channels; what every channel must do is in testing/channel_suite.h.
#include "listenrain/transports/inproc.h"

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/recording_events.h"

namespace rain {
namespace {

class InprocOnOneLoop : public testing::TestWithParam<ChannelCheck> {};
class InprocOnTwoLoops : public testing::TestWithParam<ChannelCheck> {};
class InprocWithTheSmallestPipe : public testing::TestWithParam<ChannelCheck> {};

ChannelSubject Subject(const char* listen_key, bool two_loops) {
  return {.scheme = [] { return NewInprocScheme(); },
          .listen_key = listen_key,
          .two_loops = two_loops,
          .most_taken_bytes = size_t{1} << 20};
}

TEST_P(InprocOnOneLoop, Conforms) { EXPECT_THAT(GetParam().run(Subject("inproc://here", false)), testing::IsEmpty()); }
TEST_P(InprocOnTwoLoops, Conforms) { EXPECT_THAT(GetParam().run(Subject("inproc://here", true)), testing::IsEmpty()); }
TEST_P(InprocWithTheSmallestPipe, Conforms) {
  EXPECT_THAT(GetParam().run(Subject("inproc://here?pipe=4096", true)), testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Suite, InprocOnOneLoop, testing::ValuesIn(ChannelChecks()), ChannelCheckName());
INSTANTIATE_TEST_SUITE_P(Suite, InprocOnTwoLoops, testing::ValuesIn(ChannelChecks()), ChannelCheckName());
INSTANTIATE_TEST_SUITE_P(Suite, InprocWithTheSmallestPipe, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

using Made = absl::StatusOr<std::unique_ptr<Channel>>;

Buffer Bytes(std::string bytes) { return Buffer::Adopt(std::move(bytes)); }

void Write(Channel& channel, Buffer bytes) { channel.Write({&bytes, 1}); }

// Two ends on one manual loop, or on two; the first is the dialer's.
class Pair {
 public:
  explicit Pair(const std::string& options = "", bool two_loops = false)
      : clock_(std::make_shared<ManualClock>()),
        dialer_loop(clock_),
        acceptor_loop(clock_),
        scheme(NewInprocScheme()),
        listener(*scheme.listen("inproc://here" + options)) {
    auto dialer = *scheme.dial("inproc://here");
    listener->Next(two_loops ? acceptor_loop : dialer_loop, [this](Made made) { acceptor = *std::move(made); });
    dialer->Next(dialer_loop, [this](Made made) { near = *std::move(made); });
    Settle();
    near->Start(dialer_loop, near_events);
    acceptor->Start(two_loops ? acceptor_loop : dialer_loop, acceptor_events);
    Settle();
  }

  void Settle() {
    ManualLoop* const loops[] = {&dialer_loop, &acceptor_loop};
    ASSERT_TRUE(RunUntilIdle(loops));
  }

 private:
  std::shared_ptr<ManualClock> clock_;

 public:
  ManualLoop dialer_loop;
  ManualLoop acceptor_loop;
  TransportScheme scheme;
  std::unique_ptr<ChannelGenerator> listener;
  RecordingEvents near_events;
  RecordingEvents acceptor_events;
  std::unique_ptr<Channel> near;
  std::unique_ptr<Channel> acceptor;
};

// A loop that has ended: it destroys what it is given.
class EndedLoop final : public Loop {
 public:
  void Run(absl::AnyInvocable<void() &&>) override {}
  int concurrency() const override { return 1; }
  bool InLoop() const override { return true; }
  const Clock& clock() const override { return SystemClock(); }
  Instant now() const override { return {}; }
  uint64_t Random() override { return 0; }
  TimerHeap& timers() override { return timers_; }
  void AtTurnEnd(TurnTask&) override {}
  void InNextTurn(TurnTask&) override {}
  bool RunTurn(Instant) override { return false; }

 private:
  TimerHeap timers_;
};

TEST(Inproc, PassesTheSameMemoryAndCopiesNoByte) {
  for (const bool two_loops : {false, true}) {
    Pair pair("", two_loops);
    std::vector<const char*> seen;
    pair.acceptor_events.on_read = [&](const Buffer& read) { seen.push_back(read.data()); };
    const Buffer pieces[] = {Bytes("first"), Bytes(""), Bytes(std::string(100000, 'x'))};
    pair.near->Write(pieces);
    EXPECT_EQ(pair.near->bytes_taken(), 100005u);
    pair.Settle();
    EXPECT_EQ(seen, (std::vector<const char*>{pieces[0].data(), pieces[2].data()}));
    EXPECT_TRUE(pieces[0].unique());
  }
}

TEST(Inproc, SplitsABufferThatIsLargerThanThePipeIntoSlicesOfIt) {
  Pair pair("?pipe=4096");
  std::vector<const char*> seen;
  pair.acceptor_events.on_read = [&](const Buffer& read) { seen.push_back(read.data()); };
  const Buffer big = Bytes(std::string(10000, 'x'));
  pair.near->Write({&big, 1});
  EXPECT_EQ(pair.near->bytes_taken(), 4096u);
  EXPECT_EQ(pair.near->pending_bytes(), 10000u - 4096u);
  pair.Settle();
  EXPECT_EQ(seen, (std::vector<const char*>{big.data(), big.data() + 4096, big.data() + 8192}));
  EXPECT_EQ(pair.near_events.drained, 1);
}

TEST(Inproc, PassesALargeBufferWholeThroughASmallerPipeAndThenStopsTheWriter) {
  Pair pair("?pipe=4096");
  std::vector<absl::string_view> seen;
  pair.acceptor_events.on_read = [&](const Buffer& read) {
    seen.push_back(read.view());
    pair.acceptor->SetReading(false);
  };
  pair.acceptor->SetReading(false);
  const Buffer pieces[] = {Bytes("head"), Bytes(std::string(64 << 10, 'x')), Bytes(std::string(64 << 10, 'y')), Bytes("tail")};
  pair.near->Write(pieces);
  pair.Settle();
  EXPECT_EQ(pair.near->bytes_taken(), 4u + (64 << 10)) << "the capacity and at most one large buffer";
  EXPECT_EQ(pair.near->pending_bytes(), (64u << 10) + 4);
  while (seen.size() < 4) {
    pair.acceptor->SetReading(true);
    pair.Settle();
  }
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(seen[i].data(), pieces[i].data());
    EXPECT_EQ(seen[i].size(), pieces[i].size());
  }
  EXPECT_EQ(pair.near->pending_bytes(), 0u);
}

TEST(Inproc, CountsBytesAgainstThePipeUntilTheyAreDelivered) {
  Pair pair("?pipe=4096");
  pair.acceptor_events.on_read = [&](const Buffer&) { pair.acceptor->SetReading(false); };
  for (int i = 0; i < 8; ++i) Write(*pair.near, Bytes(std::string(1024, 'x')));
  pair.Settle();
  EXPECT_EQ(pair.acceptor_events.bytes.size(), 1024u);
  EXPECT_EQ(pair.near->bytes_taken(), 1024u + 4096u);
  EXPECT_EQ(pair.near->pending_bytes(), 3 * 1024u);
}

TEST(Inproc, HoldsABoundedNumberOfSlicesHoweverSmallTheyAre) {
  Pair pair;
  pair.acceptor->SetReading(false);
  pair.Settle();
  const Buffer one = Bytes("x");
  for (int i = 0; i < 10000; ++i) pair.near->Write({&one, 1});
  pair.Settle();
  EXPECT_EQ(pair.near->bytes_taken(), 4096u);
  pair.acceptor->SetReading(true);
  pair.Settle();
  EXPECT_EQ(pair.acceptor_events.bytes.size(), 10000u);
  EXPECT_EQ(pair.near->pending_bytes(), 0u);
}

TEST(Inproc, MovesAtMostOnePipesWorthInATurn) {
  Pair pair("?pipe=4096");
  for (int i = 0; i < 10; ++i) Write(*pair.near, Bytes(std::string(size_t{10} * 4096, 'x')));
  size_t before = 0;
  while (pair.acceptor_events.bytes.size() < size_t{100} * 4096) {
    ASSERT_TRUE(pair.dialer_loop.busy());
    pair.dialer_loop.RunTurn({});
    ASSERT_LE(pair.acceptor_events.bytes.size() - before, 4096u);
    before = pair.acceptor_events.bytes.size();
  }
}

TEST(Inproc, WakesAReaderOnceHoweverManyWritesThereAre) {
  Pair pair;
  for (int i = 0; i < 10; ++i) Write(*pair.near, Bytes("x"));
  pair.dialer_loop.RunTurn({});
  EXPECT_EQ(pair.acceptor_events.bytes.size(), 10u);
  EXPECT_FALSE(pair.dialer_loop.busy());
}

TEST(Inproc, TellsWhoIsAtTheOtherEnd) {
  Pair pair;
  EXPECT_EQ(pair.near->peer()->address, "inproc://here");
  EXPECT_EQ(pair.acceptor->peer()->address, "inproc://here");
  ASSERT_TRUE(pair.acceptor->peer()->credentials.has_value());
  EXPECT_EQ(pair.acceptor->peer()->credentials->process, ::getpid());
  EXPECT_EQ(pair.acceptor->peer()->credentials->user, ::getuid());
}

TEST(Inproc, GivesAnEndAllThatWasAcceptedWhenThePeerIsDestroyed) {
  Pair pair;
  Write(*pair.near, Bytes("last words"));
  pair.near.reset();
  pair.Settle();
  EXPECT_EQ(pair.acceptor_events.bytes, "last words");
  EXPECT_EQ(pair.acceptor_events.ends, 1);
  ASSERT_TRUE(pair.acceptor_events.closed.has_value());
  EXPECT_EQ(pair.acceptor_events.closed->code(), absl::StatusCode::kUnavailable);
}

TEST(Inproc, DoesNotCallItAnEndWhenThePeerAbandonedBytes) {
  Pair pair("?pipe=4096");
  Write(*pair.near, Bytes(std::string(5000, 'x')));
  pair.near->Close(absl::CancelledError("enough"));
  pair.Settle();
  EXPECT_EQ(pair.acceptor_events.bytes.size(), 4096u);
  EXPECT_EQ(pair.acceptor_events.ends, 0);
  ASSERT_TRUE(pair.acceptor_events.closed.has_value());
  EXPECT_EQ(pair.acceptor_events.closed->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(pair.near_events.closed, absl::CancelledError("enough"));
}

TEST(Inproc, IsNotCutOffByAPeerThatClosesAfterBothHaveEnded) {
  Pair pair;
  Write(*pair.acceptor, Bytes("all"));
  pair.acceptor->CloseWrite();
  pair.near->CloseWrite();
  pair.Settle();
  pair.near->Close(absl::OkStatus());
  pair.Settle();
  EXPECT_EQ(pair.near_events.closed, absl::OkStatus());
  EXPECT_EQ(pair.acceptor_events.ends, 1);
  EXPECT_FALSE(pair.acceptor_events.closed.has_value());
  pair.acceptor->Close(absl::OkStatus());
  pair.Settle();
  EXPECT_EQ(pair.acceptor_events.closed, absl::OkStatus());
}

TEST(Inproc, IsCutOffByAPeerThatLeavesBytesUnread) {
  Pair pair;
  pair.near->SetReading(false);
  Write(*pair.acceptor, Bytes("unread"));
  pair.acceptor->CloseWrite();
  pair.near->CloseWrite();
  pair.Settle();
  pair.near->Close(absl::OkStatus());
  pair.Settle();
  ASSERT_TRUE(pair.acceptor_events.closed.has_value());
  EXPECT_EQ(pair.acceptor_events.closed->code(), absl::StatusCode::kUnavailable);
}

TEST(Inproc, LearnsThatThePeersLoopHasEnded) {
  ManualLoop loop;
  EndedLoop ended;
  const TransportScheme scheme = NewInprocScheme();
  auto listener = *scheme.listen("inproc://here");
  auto dialer = *scheme.dial("inproc://here");
  std::unique_ptr<Channel> near;
  bool accepted = false;
  listener->Next(ended, [&](Made) { accepted = true; });
  dialer->Next(loop, [&](Made made) { near = *std::move(made); });
  loop.RunUntilIdle();
  EXPECT_FALSE(accepted);
  ASSERT_NE(near, nullptr);
  RecordingEvents events;
  near->Start(loop, events);
  loop.RunUntilIdle();
  ASSERT_TRUE(events.closed.has_value());
  EXPECT_EQ(events.closed->code(), absl::StatusCode::kUnavailable);
}

TEST(Inproc, LearnsThatThePeersLoopWentWithTheNotice) {
  auto loop = std::make_unique<ManualLoop>();
  Pair pair;
  auto dialer = *pair.scheme.dial("inproc://here");
  std::unique_ptr<Channel> far;
  std::unique_ptr<Channel> near;
  pair.listener->Next(pair.dialer_loop, [&](Made made) { near = *std::move(made); });
  dialer->Next(*loop, [&](Made made) { far = *std::move(made); });
  pair.Settle();
  loop->RunUntilIdle();
  RecordingEvents far_events;
  RecordingEvents near_events;
  far->Start(*loop, far_events);
  near->Start(pair.dialer_loop, near_events);
  loop->RunUntilIdle();
  pair.Settle();
  Write(*near, Bytes("never seen"));
  loop.reset();  // with the notice that bytes have come
  pair.Settle();
  EXPECT_TRUE(near_events.closed.has_value());
  far.reset();
}

TEST(Inproc, TheEndsMayOutliveTheOneLoopOfBothWhichHadATurnForThem) {
  auto loop = std::make_unique<ManualLoop>();
  const TransportScheme scheme = NewInprocScheme();
  auto listener = *scheme.listen("inproc://here");
  auto dialer = *scheme.dial("inproc://here");
  std::unique_ptr<Channel> far;
  std::unique_ptr<Channel> near;
  listener->Next(*loop, [&](Made made) { far = *std::move(made); });
  dialer->Next(*loop, [&](Made made) { near = *std::move(made); });
  loop->RunUntilIdle();
  RecordingEvents far_events;
  RecordingEvents near_events;
  far->Start(*loop, far_events);
  near->Start(*loop, near_events);
  loop->RunUntilIdle();
  Write(*near, Bytes("never seen"));
  EXPECT_TRUE(loop->busy());
  loop.reset();
  far.reset();
  near.reset();
  EXPECT_FALSE(far_events.closed.has_value());
}

TEST(Inproc, RefusesANameThatNobodyListensOn) {
  ManualLoop loop;
  const TransportScheme scheme = NewInprocScheme();
  auto dialer = *scheme.dial("inproc://nobody");
  std::optional<absl::Status> refused;
  dialer->Next(loop, [&](Made made) { refused = made.status(); });
  EXPECT_FALSE(refused.has_value());
  loop.RunUntilIdle();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code(), absl::StatusCode::kUnavailable);
  EXPECT_LE(*dialer->RetryAfter(*refused, absl::ZeroDuration()), BackoffOptions{}.first);
}

TEST(Inproc, RefusesADialBeyondTheBacklog) {
  ManualLoop loop;
  const TransportScheme scheme = NewInprocScheme();
  auto listener = *scheme.listen("inproc://here?backlog=2");
  std::vector<Made> made;
  std::vector<std::unique_ptr<ChannelGenerator>> dialers;
  for (int i = 0; i < 3; ++i) {
    dialers.push_back(*scheme.dial("inproc://here"));
    dialers.back()->Next(loop, [&](Made one) { made.push_back(std::move(one)); });
  }
  loop.RunUntilIdle();
  ASSERT_EQ(made.size(), 3u);
  EXPECT_TRUE(made[0].ok());
  EXPECT_TRUE(made[1].ok());
  EXPECT_EQ(made[2].status().code(), absl::StatusCode::kUnavailable);

  // Those that wait learn that the listener ends.
  RecordingEvents events;
  (*made[0])->Start(loop, events);
  listener.reset();
  loop.RunUntilIdle();
  EXPECT_TRUE(events.closed.has_value());
}

TEST(Inproc, ListensOnceOnANameUntilTheListenerEnds) {
  const auto network = NewInprocNetwork();
  const TransportScheme scheme = NewInprocScheme(network);
  auto listener = scheme.listen("inproc://here");
  ASSERT_TRUE(listener.ok());
  EXPECT_EQ((*listener)->bound_key().text(), "inproc://here");
  EXPECT_EQ(NewInprocScheme(network).listen("inproc://here").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(NewInprocScheme().listen("inproc://here").ok()) << "another network";
  listener->reset();
  EXPECT_TRUE(scheme.listen("inproc://here").ok());
}

TEST(Inproc, NamesTheOptionThatIsWrong) {
  const TransportScheme scheme = NewInprocScheme();
  for (const char* key : {"inproc://a?pipe=4095", "inproc://a?pipe=x", "inproc://a?backlog=0", "inproc://a?speed=1", "tcp://a"}) {
    EXPECT_EQ(scheme.listen(key).status().code(), absl::StatusCode::kInvalidArgument) << key;
  }
  EXPECT_EQ(scheme.dial("inproc://a?speed=1").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(scheme.dial("inproc://a?pipe=8192&backlog=1").ok()) << "one key serves both sides";
  EXPECT_NE(scheme.listen("inproc://a?pipe=4095").status().message().find("pipe"), absl::string_view::npos);
}

}  // namespace
}  // namespace rain
