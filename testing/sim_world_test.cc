// The simulated world itself: nodes talk, links take time, faults befall them, and one seed is one history.
#include "listenrain/testing/sim_world.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/message.h"

namespace rain {
namespace {

class Program : public SimProgram {
 public:
  explicit Program(SimNode& node) : node_(node) {
    ProtocolSpec<Message> spec;
    spec.name = "echo";
    spec.message_codec = NewCompactCodec();
    protocol_ = *node.rain().Register(std::move(spec));
  }
  const Protocol<Message>& protocol() const { return protocol_; }

 protected:
  SimNode& node_;
  Protocol<Message> protocol_;
};

class Server : public Program {
 public:
  explicit Server(SimNode& node) : Program(node) {
    Router<Message> router;
    router.Otherwise([](Message message, CallContext, Responder<Message> responder) { (void)responder.Reply(message); });
    auto listener = node.rain().Listen(protocol_, absl::StrCat("sim://", node.name(), ":7"), std::move(router));
    EXPECT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }

 private:
  Listener listener_;
};

class Client : public Program {
 public:
  using Program::Program;
  void Ask(const std::string& key, const std::string& text, absl::Duration timeout = absl::Seconds(10), bool idempotent = false) {
    const absl::Status status = TryToAsk(key, text, timeout, idempotent);
    EXPECT_TRUE(status.ok()) << status;
  }
  absl::Status TryToAsk(const std::string& key, const std::string& text, absl::Duration timeout = absl::Seconds(10),
                        bool idempotent = false) {
    return node_.rain().Send(protocol_, key, Message::Text(text), Callback<Message>([this](absl::StatusOr<Message> reply) {
                               ++ended;
                               replied += reply.ok();
                               last = reply.status();
                             }),
                             {.timeout = timeout, .idempotent = idempotent});
  }
  int ended = 0;
  int replied = 0;
  absl::Status last;
};

class SimWorldTest : public testing::Test {
 protected:
  static std::unique_ptr<SimProgram> NewServer(SimNode& node) { return std::make_unique<Server>(node); }
  static std::unique_ptr<SimProgram> NewClient(SimNode& node) { return std::make_unique<Client>(node); }

  explicit SimWorldTest(uint64_t seed = 1) : world_(seed, true) { world_.RunFor(absl::Milliseconds(1)); }
  Client& client() { return static_cast<Client&>(*client_.program()); }

  SimWorld world_;
  SimNode& server_ = world_.AddNode("server", {}, NewServer);
  SimNode& client_ = world_.AddNode("client", {}, NewClient);
};

TEST_F(SimWorldTest, ACallTakesTheLinksTime) {
  world_.network().SetLink({.latency = absl::Milliseconds(10), .jitter = absl::ZeroDuration()});
  const Instant begun = world_.now();
  client().Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return client().ended == 1; }, absl::Seconds(5)));
  EXPECT_EQ(client().replied, 1);
  EXPECT_GE(world_.now() - begun, absl::Milliseconds(40)) << "to connect, and to ask";
  EXPECT_LE(world_.now() - begun, absl::Milliseconds(50));
}

TEST_F(SimWorldTest, TwoNodesMayHaveALinkOfTheirOwn) {
  world_.network().SetLink("server", "client", {.latency = absl::Seconds(1), .jitter = absl::ZeroDuration()});
  world_.network().SetLink({.latency = absl::Milliseconds(10), .jitter = absl::ZeroDuration()});
  SimNode& near = world_.AddNode("near", {}, NewClient);
  world_.RunFor(absl::Milliseconds(1));
  const Instant begun = world_.now();
  client().Ask("sim://server:7", "hello");
  static_cast<Client&>(*near.program()).Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return static_cast<Client&>(*near.program()).replied == 1; }, absl::Milliseconds(50)));
  EXPECT_TRUE(world_.RunUntil([&] { return client().replied == 1; }, absl::Seconds(5)));
  EXPECT_GE(world_.now() - begun, absl::Seconds(4));
}

TEST_F(SimWorldTest, TheFirstFailureIsTheWorlds) {
  world_.Fail("one thing is wrong");
  const size_t lines = world_.history().lines().size();
  world_.Fail("and so is another");
  EXPECT_EQ(world_.failure(), "one thing is wrong");
  EXPECT_EQ(world_.history().lines().size(), lines);
}

TEST_F(SimWorldTest, WhatACrashTookAwayEndsByItsDeadlineAndARestartServesAgain) {
  client().Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return client().ended == 1; }, absl::Seconds(5)));
  world_.Crash(server_);
  client().Ask("sim://server:7", "anybody?", absl::Seconds(3));
  world_.RunFor(absl::Seconds(4));
  EXPECT_EQ(client().ended, 2);
  EXPECT_EQ(client().replied, 1);
  world_.Start(server_);
  world_.RunFor(absl::Seconds(30));
  client().Ask("sim://server:7", "hello again", absl::Seconds(10), true);  // on the old channel, and then on another one
  world_.RunFor(absl::Seconds(5));
  EXPECT_EQ(client().ended, 3);
  EXPECT_EQ(client().replied, 2) << client().last;
}

TEST_F(SimWorldTest, APartitionHoldsWhatIsSentUntilItHeals) {
  client().Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return client().ended == 1; }, absl::Seconds(5)));
  world_.network().Part("server", "client", true);
  client().Ask("sim://server:7", "held");
  world_.RunFor(absl::Seconds(2));
  EXPECT_EQ(client().ended, 1);
  world_.network().Part("server", "client", false);
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().replied, 2);
}

TEST_F(SimWorldTest, WhatTwoPartitionsHoldComesWhenBothHaveHealed) {
  client().Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return client().ended == 1; }, absl::Seconds(5)));
  const auto connection = world_.network().Roads().front().connection.lock();
  world_.network().Part("server", "client", true);
  world_.network().Part("client", "server", true);
  connection->Hold(0, true);
  client().Ask("sim://server:7", "held");
  world_.network().Part("server", "client", false);
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().ended, 1);
  world_.network().Part("server", "client", false);
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().ended, 1);
  connection->Hold(0, false);
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().replied, 2);
}

TEST_F(SimWorldTest, HealingWhatIsNotPartedChangesNothing) {
  world_.network().Part("server", "client", false);
  client().Ask("sim://server:7", "hello");
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().replied, 1);
  world_.network().Part("server", "client", true);
  client().Ask("sim://server:7", "held");
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().replied, 1);
}

// Asks for more at once, for ever.
class Restless : public Program {
 public:
  Restless(SimNode& node, bool on_the_loop, bool& ended) : Program(node), on_the_loop_(on_the_loop), ended_(ended) {
    ended_ = false;
    Again();
  }
  ~Restless() override { ended_ = true; }

 private:
  void Again() {
    const auto task = [this, &ended = ended_] {
      ASSERT_FALSE(ended) << "what it asked for outlives it";
      Again();
    };
    on_the_loop_ ? node_.Run(task) : node_.executor()->Run(task);
  }
  const bool on_the_loop_;
  bool& ended_;
};

TEST_F(SimWorldTest, WhatAsksForMoreAtOnceForEverIsAFailureAndNotAHang) {
  for (const bool crashes : {true, false}) {
    for (const bool on_the_loop : {false, true}) {
      bool ended = false;
      SimWorld world(1, true);
      SimNode& node =
          world.AddNode("restless", {}, [&](SimNode& on) { return std::make_unique<Restless>(on, on_the_loop, ended); });
      world.RunFor(absl::Milliseconds(1));
      ASSERT_NE(node.program(), nullptr);
      if (crashes) {
        world.Crash(node);
      } else {
        world.Stop(node);
        world.Start(node);
      }
      EXPECT_TRUE(ended);
      const bool has_end = crashes && on_the_loop;  // a dying node's loops take nothing new
      EXPECT_EQ(world.failure().find("restless: has no end") == std::string::npos, has_end) << world.failure();
    }
  }
}

TEST_F(SimWorldTest, ANodeThatStopsInOrderTellsItsPeers) {
  client().Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return client().ended == 1; }, absl::Seconds(5)));
  world_.Stop(server_);
  EXPECT_TRUE(server_.stopping());
  world_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(server_.up());
  client().Ask("sim://server:7", "anybody?");
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().ended, 2);
  EXPECT_TRUE(absl::IsUnavailable(client().last)) << client().last;
  EXPECT_EQ(world_.failure(), "");
}

TEST_F(SimWorldTest, AClockThatJumpsLetsItsOwnNodesTimersFire) {
  world_.network().Part("server", "client", true);
  client().Ask("sim://server:7", "hello", absl::Minutes(10));
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().ended, 0);
  world_.JumpClock(server_, absl::Hours(1));
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().ended, 0);
  world_.JumpClock(client_, absl::Hours(1));
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client().ended, 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(client().last)) << client().last;
}

TEST_F(SimWorldTest, ScarceMemoryIsRefusedAndMoreIsUsedAgain) {
  client_.memory()->RefuseOneIn(1);
  const absl::Status refused = client().TryToAsk("sim://server:7", "hello");
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  client_.memory()->RefuseOneIn(0);
  client().Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return client().replied == 1; }, absl::Seconds(5)));
}

TEST_F(SimWorldTest, ASlowReaderSlowsTheAnswer) {
  client().Ask("sim://server:7", "hello");
  EXPECT_TRUE(world_.RunUntil([&] { return client().ended == 1; }, absl::Seconds(5)));
  const auto connection = world_.network().Roads().front().connection.lock();
  connection->Slow(1, true);
  const Instant begun = world_.now();
  client().Ask("sim://server:7", std::string(100'000, 'x'));
  EXPECT_TRUE(world_.RunUntil([&] { return client().replied == 2; }, absl::Seconds(5)));
  EXPECT_GE(world_.now() - begun, absl::Milliseconds(300)) << "256 bytes a millisecond";
}

}  // namespace
}  // namespace rain
