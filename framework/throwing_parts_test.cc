// Parts of users that throw or make nothing, where a channel is to be made: an error for those concerned, and for nobody else.
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "listenrain/framework/transport.h"
#include "listenrain/testing/engine_fixture.h"

namespace rain {
namespace {

class ThrowingGenerator final : public ChannelGenerator {
 public:
  void Next(Loop&, absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Channel>>) &&>) override {
    throw std::runtime_error("no channels today");
  }
  std::optional<absl::Duration> ReviewAfter() override { return std::nullopt; }
  std::optional<absl::Duration> RetryAfter(const absl::Status&, absl::Duration) override { return std::nullopt; }
  TransportKey bound_key() const override { return "throwing://bound"; }
};

class ThrowingPartsTest : public EngineFixture {
 protected:
  Protocol<Message> RegisterWith(TransportScheme::Factory factory) {
    auto spec = MessagesSpec("messages");
    spec.channels.push_back({"throwing", factory, factory});
    return Register(std::move(spec));
  }
  ~ThrowingPartsTest() override { SetLogSink({}); }
};

TEST_F(ThrowingPartsTest, AGeneratorThatThrowsEndsItsRequestsAndNoOthers) {
  const auto protocol = RegisterWith([](const TransportKey&) { return std::make_unique<ThrowingGenerator>(); });
  ServeEcho(protocol, "inproc://service");
  Outcome<Message> failed;
  Outcome<Message> other;
  std::thread sender([&] {  // both lie in the mailbox when the loop turns
    EXPECT_TRUE(rain_->Send(protocol, "throwing://x", Message::Text("?"), failed.callback()).ok());
    EXPECT_TRUE(rain_->Send(protocol, "inproc://service", Message::Text("?"), other.callback()).ok());
  });
  sender.join();
  Settle();
  ASSERT_EQ(failed.told, 1);
  EXPECT_TRUE(absl::IsInvalidArgument(failed.result.status())) << failed.result.status();
  EXPECT_TRUE(other.result.ok()) << other.result.status();
  ExpectBalanced(protocol);
}

TEST_F(ThrowingPartsTest, AListeningGeneratorThatThrowsListensNoMore) {
  std::string logged;
  SetLogSink([&](Severity, absl::string_view, absl::string_view text) { logged = std::string(text); });
  const auto protocol = RegisterWith([](const TransportKey&) { return std::make_unique<ThrowingGenerator>(); });
  auto listener = rain_->Listen(protocol, "throwing://x", Router<Message>());
  ASSERT_TRUE(listener.ok()) << listener.status();
  Settle();
  EXPECT_NE(logged.find("no channels today"), std::string::npos) << logged;
}

TEST_F(ThrowingPartsTest, ASchemeThatThrowsOrMakesNothingIsAnErrorAtOnce) {
  const auto protocol = RegisterWith([](const TransportKey& key) -> absl::StatusOr<std::unique_ptr<ChannelGenerator>> {
    if (key.address() == "none") return nullptr;
    throw std::runtime_error("no such scheme");
  });
  Outcome<Message> outcome;
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Send(protocol, "throwing://x", Message::Text("?"), outcome.callback())));
  EXPECT_TRUE(absl::IsInternal(rain_->Send(protocol, "throwing://none", Message::Text("?"), outcome.callback())));
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Listen(protocol, "throwing://x", Router<Message>()).status()));
  EXPECT_TRUE(absl::IsInternal(rain_->Listen(protocol, "throwing://none", Router<Message>()).status()));
  EXPECT_EQ(outcome.told, 0);
}

TEST_F(ThrowingPartsTest, FactoriesThatMakeNothingAreFoundWhenTheirProtocolIsRegistered) {
  auto spec = MessagesSpec("queue");
  spec.queue = [] { return nullptr; };
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Register(std::move(spec)).status()));
  spec = MessagesSpec("stat machines");
  spec.stat_machines = [](const OutgoingPool&) -> std::unique_ptr<StatMachinePool> { throw std::runtime_error("none"); };
  EXPECT_TRUE(absl::IsInvalidArgument(rain_->Register(std::move(spec)).status()));
}

}  // namespace
}  // namespace rain
