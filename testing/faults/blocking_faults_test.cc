// Blocking calls where they must not be, and where they may.
#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/executors/inline_executor.h"
#include "listenrain/executors/serial_executor.h"
#include "listenrain/executors/thread_pool.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

class BlockingFaults : public EveryTransport {
 protected:
  void ExpectNothingIsSentLate(std::shared_ptr<Executor> callers);
};

TEST_P(BlockingFaults, SyncSendInAnInlineHandlerIsAFailedPrecondition) {
  Side::Options options;
  options.executor = NewInlineExecutor();
  Side& server = NewSide(std::move(options));
  Side& client = NewSide();
  Listener onward = server.Listen(FreshKey(), Echo());
  Listener listener = server.Listen(FreshKey(), Handling([&](Message message, CallContext, Responder<Message> responder) {
                                      const absl::Status status =
                                          server.rain().SyncSend(server.protocol(), onward.bound_key(), message).status();
                                      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
                                      EXPECT_TRUE(responder.Fail(status).ok());
                                    }));
  const absl::Status status = client.rain().SyncSend(client.protocol(), listener.bound_key(), Message::Text("?")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(OriginOf(status), Origin::peer);
}

TEST_P(BlockingFaults, SyncSendInAnInlineCallbackIsAFailedPreconditionOnAnyLoop) {
  Side::Options options;
  options.executor = NewInlineExecutor();
  Side& client = NewSide(std::move(options));
  Side& other = NewSide();
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  Signal called;
  auto transport = client.Open(listener.bound_key());
  const auto callback = [&](absl::StatusOr<Message> reply) {
    EXPECT_TRUE(reply.ok()) << reply.status();
    for (Side* side : {&client, &other}) {
      const absl::Status status = side->rain().SyncSend(side->protocol(), listener.bound_key(), Message::Text("?")).status();
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    }
    called.Raise();
  };
  EXPECT_TRUE(transport.Send(Message::Text("?"), Callback<Message>(callback)).ok());
  called.Wait();
  EXPECT_EQ(other.stats().started, 0u);
}

// A front whose two workers all wait in SyncSend, at the same time, for what is behind.
struct Front {
  Front(Side& side, const TransportKey& key, const TransportKey& behind, absl::Duration patience)
      : listener(side.Listen(
            key, Handling([this, &side, behind, patience](Message message, CallContext, Responder<Message> responder) {
              inside.Raise();
              inside.Wait(2);  // both workers are here
              absl::StatusOr<Message> reply = side.rain().SyncSend(side.protocol(), behind, message, {.timeout = patience});
              (void)(reply.ok() ? responder.Reply(*reply) : responder.Fail(reply.status()));
            }))) {}
  Signal inside;
  Listener listener;
};

TEST_P(BlockingFaults, HandlersThatAllSyncSendOnwardToAServiceWithItsOwnExecutorAreAnswered) {
  Side& behind = NewSide();
  Side& front = NewSide();  // two workers
  Side& client = NewSide();
  Listener onward = behind.Listen(FreshKey(), Echo());
  Front both(front, FreshKey(), onward.bound_key(), absl::Seconds(20));
  Outcomes outcomes;
  const auto transport = client.Open(both.listener.bound_key());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 20) << outcomes.last();
}

TEST_P(BlockingFaults, HandlersThatStarveTheServiceTheyAskEndByTheirDeadlines) {
  const std::shared_ptr<Executor> shared = NewThreadPool({.threads = 2});
  Side::Options front_options;
  front_options.executor = shared;
  Side& front = NewSide(std::move(front_options));
  Side::Options behind_options;
  behind_options.executor = shared;
  Side& behind = NewSide(std::move(behind_options));
  Side& client = NewSide();
  Listener onward = behind.Listen(FreshKey(), Echo());
  Front both(front, FreshKey(), onward.bound_key(), absl::Milliseconds(150));
  Outcomes outcomes;
  const auto transport = client.Open(both.listener.bound_key());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  outcomes.Wait();
  // The first one's deadline frees a worker, which may yet answer the second in time.
  const int late = outcomes.ended(absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(late, 1) << outcomes.last();
  EXPECT_EQ(outcomes.replied(), 2 - late) << outcomes.last();
  EXPECT_TRUE(client.rain().SyncSend(client.protocol(), onward.bound_key(), Message::Text("?")).ok());
  front.Await([&](const Stats& s) { return s.late_replies == static_cast<uint64_t>(late); });
}

TEST_P(BlockingFaults, AHandlerThatSyncSendsToItsOwnListenerIsAnsweredWhileAWorkerIsFree) {
  Side& server = NewSide();
  Side& client = NewSide();
  TransportKey own;
  Signal listening;
  Router<Message> router;
  router.On(1, [](Message message, CallContext, Responder<Message> responder) { EXPECT_TRUE(responder.Reply(message).ok()); });
  router.On(2, [&](Message message, CallContext, Responder<Message> responder) {
    listening.Wait();
    message.method = 1;
    const absl::StatusOr<Message> reply = server.rain().SyncSend(server.protocol(), own, message);
    EXPECT_TRUE(reply.ok()) << reply.status();
    EXPECT_TRUE((reply.ok() ? responder.Reply(*reply) : responder.Fail(reply.status())).ok());
  });
  Listener listener = server.Listen(FreshKey(), std::move(router));
  own = listener.bound_key();
  listening.Raise();
  const absl::StatusOr<Message> reply = client.rain().SyncSend(client.protocol(), own, Message::Text(2, "round"));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text(), "round");
}

// A thread in SyncSend may drive the loop, but runs nobody's code meanwhile: neither that of its own ListenRain nor another
// one's.
TEST_P(BlockingFaults, NoHandlerRunsOnAThreadThatWaits) {
  for (const char* where : {"pool", "inline", "loop", "serial", "apart"}) {
    SCOPED_TRACE(where);
    const absl::string_view kind = where;
    const std::shared_ptr<Loop> loop = NewUvLoop().value();
    std::shared_ptr<Executor> executor;
    if (kind == "inline") executor = NewInlineExecutor();
    if (kind == "loop" || kind == "apart") executor = loop;
    if (kind == "serial") executor = NewSerialExecutor(loop).value();
    const auto client = NewListenRain({.loops = {loop}}).value();
    const std::shared_ptr<Loop> serving = kind == "apart" ? NewUvLoop().value() : loop;
    const auto server = NewListenRain({.loops = {serving}, .executor = executor}).value();
    const Protocol<Message> asks = RegisterMessages(*client).value();
    const Protocol<Message> serves = RegisterMessages(*server).value();
    std::set<std::thread::id> handlers;
    const auto listener =
        server->Listen(serves, FreshKey(), Handling([&](Message message, CallContext, Responder<Message> responder) {
                         handlers.insert(std::this_thread::get_id());
                         EXPECT_TRUE(responder.Reply(message).ok());
                       }));
    ASSERT_TRUE(listener.ok()) << listener.status();
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(client->SyncSend(asks, listener->bound_key(), Message::Text("?")).ok());
    EXPECT_FALSE(handlers.contains(std::this_thread::get_id()));
  }
}

TEST_P(BlockingFaults, WhatAThreadSentBeforeItWaitsComesFirst) {
  Side::Options options;
  options.executor = NewSerialExecutor(NewThreadPool({.threads = 1})).value();
  Side& server = NewSide(std::move(options));
  Side& client = NewSide();
  int handled = 0;
  Listener listener = server.Listen(FreshKey(), Handling([&](Message message, CallContext, Responder<Message> responder) {
                                      EXPECT_EQ(message.text(), absl::StrCat(handled));
                                      ++handled;
                                      EXPECT_TRUE(responder.Reply(message).ok());
                                    }));
  const auto transport = client.Open(listener.bound_key());
  Outcomes outcomes;
  const int64_t pairs = Scaled(2'000, 300, 20'000);
  for (int64_t i = 0; i < pairs; ++i) {
    EXPECT_TRUE(outcomes.Ask(transport, Message::Text(absl::StrCat(2 * i))).ok());
    EXPECT_TRUE(transport.SyncSend(Message::Text(absl::StrCat(2 * i + 1))).ok());
  }
  outcomes.Wait();
  EXPECT_EQ(handled, 2 * pairs);
}

// A thread that asks again and again for what is refused does not keep the loop from being driven.
TEST_P(BlockingFaults, BlockingCallsThatAreRefusedKeepNobodyFromBeingAnswered) {
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto transport = client.Open(listener.bound_key());
  std::atomic<bool> over{false};
  std::thread refused([&] {
    while (!over) EXPECT_FALSE(transport.SyncSend(Message::Text("?"), {.timeout = absl::Seconds(-1)}).ok());
  });
  Outcomes outcomes;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?"), {.timeout = absl::Seconds(60)}).ok());
  outcomes.Wait();
  over = true;
  refused.join();
  EXPECT_EQ(outcomes.replied(), 100) << outcomes.last();
}

// A call that blocks while the loop is busy, until its time is over.
void BlockingFaults::ExpectNothingIsSentLate(std::shared_ptr<Executor> callers) {
  Side& server = NewSide();
  Side::Options options;
  options.executor = std::move(callers);
  Side& client = NewSide(std::move(options));
  std::atomic<int> handled{0};
  Listener listener = server.Listen(FreshKey(), Handling([&](Message message, CallContext, Responder<Message> responder) {
                                      ++handled;
                                      EXPECT_TRUE(responder.Reply(message).ok());
                                    }));
  const auto transport = client.Open(listener.bound_key());
  EXPECT_TRUE(transport.SyncSend(Message::Text("?")).ok());
  Signal busy, free;
  client.loop().Run([&] {
    busy.Raise();
    free.Wait();
  });
  busy.Wait();
  Signal calls;
  std::thread caller([&] {
    calls.Raise();
    const absl::Status late = transport.SyncSend(Message::Text("?"), {.timeout = absl::Milliseconds(20)}).status();
    EXPECT_TRUE(absl::IsDeadlineExceeded(late)) << late;
    EXPECT_EQ(BytesSentOf(late), BytesSent::none);
  });
  calls.Wait();
  const auto over = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  EXPECT_TRUE(Eventually([&] { return std::chrono::steady_clock::now() > over; }));
  free.Raise();
  caller.join();
  EXPECT_TRUE(transport.SyncSend(Message::Text("?")).ok());
  EXPECT_EQ(handled, 2);
}

TEST_P(BlockingFaults, WhoDrivesOnlyWhenItsTimeIsOverSendsNothing) { ExpectNothingIsSentLate(NewThreadPool({.threads = 1})); }
TEST_P(BlockingFaults, WhatWaitsInTheMailboxUntilItsTimeIsOverIsNotSent) { ExpectNothingIsSentLate(NewInlineExecutor()); }

// Callers that come and go, others' callbacks, and timers, whoever drives.
TEST_P(BlockingFaults, ManyThreadsWaitBesideCallbacksAndEachIsAnswered) {
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto transport = client.Open(listener.bound_key());
  const int64_t calls = Scaled(2'000, 300, 50'000);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      // The later ones come when the first are at work, and go before: alone, by twos, and in a crowd.
      for (int64_t call = 0; call < calls / (thread + 1); ++call) {
        const std::string text = absl::StrCat(thread, ".", call);
        const absl::StatusOr<Message> reply = transport.SyncSend(Message::Text(text), {.timeout = absl::Seconds(60)});
        ASSERT_TRUE(reply.ok()) << reply.status();
        ASSERT_EQ(reply->text(), text);
      }
    });
  }
  Outcomes outcomes;
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  for (std::thread& thread : threads) thread.join();
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 500) << outcomes.last();
}

// With nobody who waits, what comes from the peer is read all the same.
TEST_P(BlockingFaults, ACallbackAskedForBetweenBlockingCallsIsCalledSoon) {
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto transport = client.Open(listener.bound_key());
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(transport.SyncSend(Message::Text("?")).ok());
    Outcomes outcomes;
    EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
    outcomes.Wait();
    EXPECT_EQ(outcomes.replied(), 1) << outcomes.last();
  }
}

RAIN_ON_EVERY_TRANSPORT(BlockingFaults);

}  // namespace
}  // namespace rain
