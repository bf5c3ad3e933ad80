// Ends while things are under way: cancelled, stopped, destroyed.
#include <atomic>
#include <thread>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/manual_executor.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

class EndFaults : public EveryTransport {};

TEST_P(EndFaults, AfterStopEverythingIsCancelled) {
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  auto open = client.Open(listener.bound_key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(open, Message::Text("before")).ok());
  outcomes.Wait();
  client.rain().Stop();
  const absl::Status by_key =
      client.rain().Send(client.protocol(), listener.bound_key(), Message::Text("?"), Callback<Message>([](auto) { FAIL(); }));
  EXPECT_TRUE(absl::IsCancelled(by_key)) << by_key;
  const absl::Status by_handle = outcomes.Ask(open, Message::Text("?"));
  EXPECT_TRUE(absl::IsCancelled(by_handle)) << by_handle;
  EXPECT_TRUE(absl::IsCancelled(open.SyncSend(Message::Text("?")).status()));
  EXPECT_TRUE(absl::IsCancelled(open.Post(Message::Text("?"))));
  EXPECT_TRUE(absl::IsCancelled(client.rain().Listen(client.protocol(), FreshKey(), Echo()).status()));
  EXPECT_EQ(outcomes.ended(), 1);
}

TEST_P(EndFaults, StopCancelsWhatIsInFlightOnEveryExecutor) {
  for (const bool in_line : {false, true}) {
    Side::Options options;
    if (in_line) options.executor = NewInlineExecutor();
    Side& client = NewSide(std::move(options));
    const auto listener = ListenRaw(FreshKey(), inproc());
    Outcomes outcomes;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(outcomes.Ask(client.Open(listener->key()), Message::Text("?")).ok());
    const auto peer = listener->Accept();
    EXPECT_EQ(wire::Read(*peer).kind, MessageKind::request);
    client.rain().Stop();
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kCancelled), 10) << outcomes.last();
  }
}

TEST_P(EndFaults, ASyncSendThatWaitsEndsWithStop) {
  Side& client = NewSide();
  const auto listener = ListenRaw(FreshKey(), inproc());
  absl::Status outcome;
  std::thread waiting([&] { outcome = client.rain().SyncSend(client.protocol(), listener->key(), Message::Text("?")).status(); });
  const auto peer = listener->Accept();
  EXPECT_EQ(wire::Read(*peer).kind, MessageKind::request);
  client.rain().Stop();
  waiting.join();
  EXPECT_TRUE(absl::IsCancelled(outcome)) << outcome;
}

TEST_P(EndFaults, OutcomesThatTheExecutorNeverRunsEndAsCancelled) {
  const auto executor = std::make_shared<ManualExecutor>();
  Side::Options options;
  options.executor = executor;
  Side& client = NewSide(std::move(options));
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  Outcomes outcomes;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), Message::Text("?")).ok());
  client.Await([](const Stats& s) { return s.replied == 5; });
  EXPECT_EQ(outcomes.ended(), 0);
  OnLoop(client.loop(), [] {});
  EXPECT_GT(executor->DropAll(), 0u);
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kCancelled), 5) << outcomes.last();
}

TEST_P(EndFaults, ACancelledRequestEndsOnceAndItsReplyIsNobodys) {
  Side& client = NewSide();
  const auto listener = ListenRaw(FreshKey(), inproc());
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  Cancellation cancellation;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?"), {.cancellation = &cancellation}).ok());
  const auto peer = listener->Accept();
  const uint64_t id = wire::Read(*peer).id;
  cancellation.Cancel();
  cancellation.Cancel();
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kCancelled), 1) << outcomes.last();
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, id)));
  client.Await([](const Stats& s) { return s.late_replies == 1; });
}

TEST_P(EndFaults, ACancelThatOvertakesItsRequestOnTheLoopIsNotLost) {
  Side& client = NewSide();
  const auto listener = ListenRaw(FreshKey(), inproc());
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  Cancellation cancellation;
  // The loop is busy while the request is mailed, and cancels it before it looks into the mailbox.
  Signal sent;
  client.loop().Run([&] {
    sent.Wait();
    cancellation.Cancel();
  });
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?"), {.timeout = absl::Hours(1), .cancellation = &cancellation}).ok());
  sent.Raise();
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kCancelled), 1) << outcomes.last();
}

TEST_P(EndFaults, ACancellationOfARequestThatFailedTouchesNoOther) {
  Side::Options options;
  options.executor = NewInlineExecutor();
  Side& client = NewSide(std::move(options));
  const auto listener = ListenRaw(FreshKey(), inproc());
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  {
    const auto peer = listener->Accept();
    EXPECT_EQ(wire::Read(*peer).kind, MessageKind::request);
    peer->Reset();
  }
  outcomes.Wait();
  // The channel is gone, and this one does not wait for the next.
  Cancellation stale;
  EXPECT_TRUE(outcomes
                  .Ask(transport, Message::Text("stale"),
                       {.timeout = absl::Milliseconds(1), .wait_for_ready = true, .cancellation = &stale})
                  .ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kDeadlineExceeded), 1) << outcomes.last();
  // The next requests use what it used.
  const auto alive = client.Open(listener->key());
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(outcomes.Ask(alive, Message::Text("?"), {.wait_for_ready = true}).ok());
  stale.Cancel();
  const auto peer = listener->Accept();
  for (int i = 0; i < 200;) {
    const wire::Received request = wire::Read(*peer);
    if (request.body == "stale") continue;
    EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, request.id)));
    ++i;
  }
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 200) << outcomes.last();
}

// Callers on many threads, callbacks and blocking, while everything ends under them.
TEST_P(EndFaults, EverythingIsDestroyedWhileTrafficRuns) {
  const int rounds = static_cast<int>(Scaled(5, 5, 200));
  for (int round = 0; round < rounds; ++round) {
    Outcomes outcomes;
    std::atomic<int> blocking{0};
    Side::Options server_options;
    server_options.schemes = Schemes();
    auto server = std::make_unique<Side>(std::move(server_options));
    Side::Options client_options;
    client_options.schemes = Schemes();
    auto client = std::make_unique<Side>(std::move(client_options));
    Listener listener = server->Listen(FreshKey(), Echo());
    const auto transport = client->Open(listener.bound_key());
    std::atomic<bool> stop{false};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&, handle = transport, body = std::string(size_t{1} << (4 * i), 'x')]() mutable {
        while (!stop) {
          const Message message = Message::Text(body);
          if (!outcomes.Ask(handle, message).ok()) std::this_thread::yield();
          if (handle.SyncSend(message).ok()) ++blocking;
          (void)handle.Post(message);  // may find it stopped
        }
      });
    }
    EXPECT_TRUE(Eventually([&] { return blocking > 50; }));
    if (round % 2 == 0) {
      server.reset();
    } else {
      client.reset();
    }
    stop = true;
    for (std::thread& caller : callers) caller.join();
    if (client != nullptr) client->ExpectAtRest();
    if (server != nullptr) server->Await([](const Stats& s) { return s.channels_opened == s.channels_closed; });
    client.reset();
    server.reset();
    outcomes.Wait();
    EXPECT_GT(outcomes.replied(), 0);
  }
}

RAIN_ON_EVERY_TRANSPORT(EndFaults);

}  // namespace
}  // namespace rain
