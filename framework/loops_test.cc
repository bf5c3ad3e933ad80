// A ListenRain on several loops: what lives where, and ends that reach all of them.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/shard.h"
#include "listenrain/testing/engine_fixture.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://service";

// Three loops, on one clock and one thread.
class LoopsTest : public testing::Test {
 protected:
  LoopsTest() {
    ListenRain::Parts parts;
    for (const auto& loop : loops_) parts.loops.push_back(loop);
    parts.buffers = NewBufferPool();
    parts.executor = NewInlineExecutor();
    parts.packet_codec = NewLengthPrefixCodec();
    parts.schemes.push_back(NewInprocScheme());
    rain_ = std::make_unique<ListenRain>(std::move(parts));
    for (int i = 0; i < 6; ++i) {
      ProtocolSpec<Message> spec;
      spec.name = absl::StrCat("messages", i);
      spec.message_codec = NewCompactCodec();
      protocols_.push_back(rain_->Register(std::move(spec)).value());
    }
    listener_ = rain_->Listen(protocols_[0], kKey, Keep()).value();
    Settle();
  }
  ~LoopsTest() override {
    kept_.clear();
    listener_ = Listener();
    rain_->Stop();
    Settle();
  }
  Router<Message> Keep() {
    Router<Message> router;
    router.Otherwise([this](Message, CallContext context, Responder<Message> responder) {
      ++asked_on_[&context.connection().box()->shard().loop()];
      kept_.push_back(std::move(responder));
    });
    return router;
  }
  // One request by each protocol, each on a transport of its own.
  void AskByAll() {
    for (const Protocol<Message>& protocol : protocols_) {
      outcomes_.push_back(std::make_unique<Outcome<Message>>());
      EXPECT_TRUE(rain_->Send(protocol, kKey, Message::Text("?"), outcomes_.back()->callback()).ok());
    }
    Settle();
  }
  void AnswerAll() {
    for (Responder<Message>& responder : kept_) EXPECT_TRUE(responder.Reply(Message::Text("!")).ok());
    kept_.clear();
    Settle();
  }
  size_t Replied() const {
    return static_cast<size_t>(std::count_if(outcomes_.begin(), outcomes_.end(), [](const auto& o) { return o->result.ok(); }));
  }
  void Settle() { EXPECT_TRUE(RunUntilIdle(all_)); }

  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  const std::shared_ptr<ManualLoop> loops_[3] = {std::make_shared<ManualLoop>(clock_), std::make_shared<ManualLoop>(clock_),
                                                 std::make_shared<ManualLoop>(clock_)};
  ManualLoop* const all_[3] = {loops_[0].get(), loops_[1].get(), loops_[2].get()};
  std::unique_ptr<ListenRain> rain_;
  std::vector<Protocol<Message>> protocols_;
  Listener listener_;
  std::vector<Responder<Message>> kept_;
  std::map<Loop*, int> asked_on_;
  std::vector<std::unique_ptr<Outcome<Message>>> outcomes_;
};

TEST_F(LoopsTest, AcceptedChannelsAreSpreadEvenly) {
  AskByAll();
  ASSERT_EQ(kept_.size(), 6u);
  EXPECT_EQ(asked_on_.size(), 3u);
  for (const auto& [loop, requests] : asked_on_) EXPECT_EQ(requests, 2);
  AnswerAll();
  EXPECT_EQ(Replied(), 6u);
}

TEST_F(LoopsTest, ANewChannelGoesWhereTheFewestAre) {
  AskByAll();
  AnswerAll();
  Loop& emptied = listener_.connections().front().box()->shard().loop();
  for (const Connection& connection : listener_.connections()) {
    if (&connection.box()->shard().loop() == &emptied) connection.Close(absl::CancelledError("enough"));
  }
  Settle();
  ASSERT_EQ(listener_.connections().size(), 4u);
  asked_on_.clear();
  const auto again = rain_->Register([] {
    ProtocolSpec<Message> spec;
    spec.name = "again";
    spec.message_codec = NewCompactCodec();
    return spec;
  }());
  Outcome<Message> outcome;
  EXPECT_TRUE(rain_->Send(*again, kKey, Message::Text("?"), outcome.callback()).ok());
  Settle();
  ASSERT_EQ(asked_on_.size(), 1u);
  EXPECT_EQ(asked_on_.begin()->first, &emptied);
  AnswerAll();
}

TEST_F(LoopsTest, DialedTransportsAreSpread) {
  AskByAll();
  std::map<Loop*, int> dialed_on;
  for (const Protocol<Message>& protocol : protocols_) ++dialed_on[&rain_->Open(protocol, kKey)->box().shard().loop()];
  EXPECT_EQ(dialed_on.size(), 3u);
  AnswerAll();
}

TEST_F(LoopsTest, AListenersDrainReportsOfAllLoops) {
  AskByAll();
  int told = 0;
  DrainReport report;
  listener_.DrainThen(absl::Seconds(1), [&](DrainReport all) {
    ++told;
    report = all;
  });
  Settle();
  EXPECT_EQ(told, 0) << "six are still to be answered";
  AnswerAll();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(report.completed, 6u);
  EXPECT_EQ(report.aborted, 0u);
  EXPECT_EQ(Replied(), 6u);
  EXPECT_TRUE(listener_.connections().empty());
}

TEST_F(LoopsTest, AListenersStopEndsWhatItAcceptedOnAllLoops) {
  AskByAll();
  listener_.Stop();
  Settle();
  EXPECT_TRUE(listener_.connections().empty());
  for (const auto& outcome : outcomes_) {
    EXPECT_EQ(outcome->told, 1);
    EXPECT_TRUE(absl::IsUnavailable(outcome->result.status())) << outcome->result.status();
  }
}

TEST_F(LoopsTest, ADrainOfTheWholeWaitsForAllLoops) {
  AskByAll();
  rain_->Drain(absl::Seconds(1));  // this thread runs the loops: it does not wait
  Settle();
  EXPECT_EQ(Replied(), 0u);
  AnswerAll();
  EXPECT_EQ(Replied(), 6u);
  EXPECT_TRUE(absl::IsCancelled(rain_->Send(protocols_[0], kKey, Message::Text("?"), [](absl::StatusOr<Message>) {})));
}

TEST_F(LoopsTest, StatsAreOfAllLoops) {
  AskByAll();
  AskByAll();
  AnswerAll();
  Stats all;
  for (const Protocol<Message>& protocol : protocols_) {
    const Stats stats = rain_->StatsOf(protocol);
    EXPECT_TRUE(stats.Balanced());
    all.replied += stats.replied;
    all.requests_received += stats.requests_received;
  }
  EXPECT_EQ(all.replied, 12u);
  EXPECT_EQ(all.requests_received, 12u);
}

}  // namespace
}  // namespace rain
