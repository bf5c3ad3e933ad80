// Looking at what is in flight from a thread, while loops are at work, blocked, or at their end.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/framework/handover.h"
#include "listenrain/listenrain.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://busy";

Router<Message> Handling(Router<Message>::Handler handler) {
  Router<Message> router;
  router.Otherwise(std::move(handler));
  return router;
}

void ExpectPlausible(const InFlightReport& report, size_t most_calls) {
  EXPECT_EQ(report.silent_loops, 0u);
  for (const TransportInFlight& found : report.transports) {
    EXPECT_FALSE(found.empty());
    EXPECT_EQ(found.calls.size(), std::min(most_calls, found.requests + found.peer_requests));
    for (size_t i = 0; i < found.calls.size(); ++i) {
      EXPECT_GE(found.calls[i].age, i + 1 < found.calls.size() ? found.calls[i + 1].age : -absl::Seconds(1));
      const bool ours = found.calls[i].stage <= CallStage::awaiting;
      EXPECT_EQ(found.role == Role::dialer, ours) << ToString(found.calls[i].stage);
    }
  }
}

TEST(InFlightRace, LooksWhileCallsBeginAndEnd) {
  auto rain = NewListenRain({.loop_threads = 3}).value();
  const Protocol<Message> protocol = RegisterMessages(*rain).value();
  const Listener listener = rain->Listen(protocol, kKey, Handling([](Message message, CallContext, Responder<Message> responder) {
                                           responder.Reply(message).IgnoreError();
                                         }))
                                .value();
  std::atomic<int> asking{3};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&, calls = Scaled(3000, 500, 30000)] {
      for (int64_t i = 0; i < calls; ++i) {
        const absl::StatusOr<Message> reply = rain->SyncSend(protocol, kKey, Message::Text("x"));
        EXPECT_TRUE(reply.ok()) << reply.status();
      }
      --asking;
    });
  }
  while (asking > 0) {
    const auto report = rain->InFlight(protocol, {.most_calls = 2, .timeout = absl::InfiniteDuration()});
    ASSERT_TRUE(report.ok()) << report.status();
    ExpectPlausible(*report, 2);
    Handover<InFlightReport> told;
    rain->InFlightThen([&told](InFlightReport found) { told.Put(std::move(found)); }, 2);
    ExpectPlausible(told.Take(), 2);
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(rain->StatsOf(protocol).Balanced());
}

TEST(InFlightRace, ALoopThatIsBlockedIsToldAsSilentAndTheOthersAreLookedAt) {
  auto rain = NewListenRain({.loop_threads = 2}).value();
  const Protocol<Message> kept = RegisterMessages(*rain, "kept").value();
  ProtocolSpec<Message> spec;
  spec.name = "blocking";
  spec.message_codec = NewCompactCodec();
  spec.executor = NewInlineExecutor();
  const Protocol<Message> blocking = rain->Register(std::move(spec)).value();
  Handover<bool> blocked;
  Handover<bool> release;
  const Listener listener =
      rain->Listen(blocking, kKey, Handling([&](Message message, CallContext, Responder<Message> responder) {
                     blocked.Put(true);
                     release.Take();
                     responder.Reply(message).IgnoreError();
                   }))
          .value();
  Handover<absl::StatusOr<Message>> outcome;
  ASSERT_TRUE(
      rain->Send(blocking, kKey, Message::Text("x"), [&](absl::StatusOr<Message> reply) { outcome.Put(std::move(reply)); }).ok());
  blocked.Take();
  const auto report = rain->InFlight({.timeout = absl::Milliseconds(20)});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->silent_loops, 1u);
  release.Put(true);
  EXPECT_TRUE(outcome.Take().ok());
  const auto after = rain->InFlight({.timeout = absl::InfiniteDuration()});
  EXPECT_EQ(after->silent_loops, 0u);
}

TEST(InFlightRace, AfterTheStopNothingIsInFlight) {
  auto rain = NewListenRain({.loop_threads = 2}).value();
  const Protocol<Message> protocol = RegisterMessages(*rain).value();
  std::thread looking([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(rain->InFlight(protocol, {.timeout = absl::InfiniteDuration()}).ok());
  });
  rain->Stop();
  looking.join();
  EXPECT_TRUE(rain->InFlight()->transports.empty());
}

}  // namespace
}  // namespace rain
