// Handlers that misbehave: each request still gets one answer, and the service goes on.
#include <optional>
#include <stdexcept>
#include <thread>

#include "listenrain/executors/inline_executor.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/wire_test.h"

namespace rain {
namespace {

// Every case with a pool of threads, and with the inline executor.
class HandlerFaults : public EveryTransport {
 protected:
  template <class Case>
  void OnEveryExecutor(Case run) {
    for (const bool in_line : {false, true}) {
      SCOPED_TRACE(in_line ? "inline executor" : "thread pool");
      Side::Options options;
      if (in_line) options.executor = NewInlineExecutor();
      run(NewSide(std::move(options)), NewSide());
    }
  }
};

// Responders for later. Thread: any.
class Shelf {
 public:
  void Put(Responder<Message> responder) {
    {
      MutexLock lock(mutex_);
      responders_.push_back(std::move(responder));
    }
    filled_.Raise();
  }
  std::vector<Responder<Message>> TakeAll() {
    MutexLock lock(mutex_);
    return std::exchange(responders_, {});
  }
  Signal& filled() { return filled_; }
  Router<Message> Service() {
    return Handling([this](Message, CallContext, Responder<Message> responder) { Put(std::move(responder)); });
  }

 private:
  Mutex mutex_;
  std::vector<Responder<Message>> responders_ ABSL_GUARDED_BY(mutex_);
  Signal filled_;
};

TEST_P(HandlerFaults, AHandlerThatThrowsAnswersInternal) {
  SetLogSink([](Severity, absl::string_view, absl::string_view) {});
  OnEveryExecutor([&](Side& server, Side& client) {
    Router<Message> router;
    router.On(1, [](Message, CallContext, Responder<Message>) { throw std::runtime_error("on purpose"); });
    router.On(2, [](Message, CallContext, Responder<Message>) { throw 2; });
    router.On(3, [](Message message, CallContext, Responder<Message> responder) {
      EXPECT_TRUE(responder.Reply(message).ok());
      throw std::runtime_error("after the reply");
    });
    Listener listener = server.Listen(FreshKey(), std::move(router));
    Outcomes outcomes;
    for (const int64_t method : {1, 2, 3}) {
      EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), Message::Text(method, "?")).ok());
    }
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kInternal), 2);
    EXPECT_EQ(outcomes.replied(), 1);
  });
  SetLogSink({});
}

TEST_P(HandlerFaults, AHandlerThatDropsItsResponderAnswersInternal) {
  OnEveryExecutor([&](Side& server, Side& client) {
    Listener listener = server.Listen(FreshKey(), Handling([](Message, CallContext, Responder<Message>) {}));
    Outcomes outcomes;
    EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), Message::Text("?")).ok());
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kInternal), 1) << outcomes.last();
  });
}

TEST_P(HandlerFaults, AHandlerThatNeverAnswersEndsAtTheCallersDeadline) {
  OnEveryExecutor([&](Side& server, Side& client) {
    Shelf shelf;
    Listener listener = server.Listen(FreshKey(), shelf.Service());
    Outcomes outcomes;
    const auto transport = client.Open(listener.bound_key());
    EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?"), {.timeout = absl::Milliseconds(200)}).ok());
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kDeadlineExceeded), 1) << outcomes.last();
    // Its answer, when it comes at last, is nobody's.
    shelf.filled().Wait();
    for (Responder<Message>& responder : shelf.TakeAll()) EXPECT_TRUE(responder.Reply(Message::Text("late")).ok());
    client.Await([](const Stats& s) { return s.late_replies == 1; });
  });
}

TEST_P(HandlerFaults, AHandlerThatAnswersTwiceIsToldSo) {
  OnEveryExecutor([&](Side& server, Side& client) {
    Listener listener = server.Listen(FreshKey(), Handling([](Message message, CallContext, Responder<Message> responder) {
                                        EXPECT_TRUE(responder.Reply(message).ok());
                                        EXPECT_TRUE(absl::IsFailedPrecondition(responder.Reply(message)));
                                        EXPECT_TRUE(absl::IsFailedPrecondition(responder.Fail(absl::AbortedError("too"))));
                                        EXPECT_FALSE(responder.expected());
                                      }));
    Outcomes outcomes;
    const auto transport = client.Open(listener.bound_key());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
    outcomes.Wait();
    EXPECT_EQ(outcomes.replied(), 10);
    EXPECT_EQ(client.stats().late_replies, 0u);
    EXPECT_EQ(server.stats().replies_sent, 10u);
  });
}

TEST_P(HandlerFaults, AHandlerThatFailsWithOkStillFails) {
  OnEveryExecutor([&](Side& server, Side& client) {
    Listener listener = server.Listen(FreshKey(), Handling([](Message, CallContext, Responder<Message> responder) {
                                        EXPECT_TRUE(responder.Fail(absl::OkStatus()).ok());
                                      }));
    Outcomes outcomes;
    EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), Message::Text("?")).ok());
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnknown), 1) << outcomes.last();
  });
}

TEST_P(HandlerFaults, AnAnswerAfterTheCallerWentAwayIsDropped) {
  OnEveryExecutor([&](Side& server, Side&) {
    Shelf shelf;
    Listener listener = server.Listen(FreshKey(), shelf.Service());
    {
      const auto peer = DialRaw(listener.bound_key(), inproc());
      EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 1) + wire::Message(MessageKind::request, 2)));
      shelf.filled().Wait(2);
      peer->Reset();
    }
    // Unix sockets have no resets: there the peer's end is a proper one, and what it asked is answered as far as that goes.
    if (!is("unix")) server.Await([](const Stats& s) { return s.channels_closed == 1; });
    auto responders = shelf.TakeAll();
    const absl::Status status = responders[0].Reply(Message::Text("nobody hears it"));
    EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
    responders.clear();  // the other is not even answered
    server.Await([](const Stats& s) { return s.channels_closed == 1; });
  });
}

TEST_P(HandlerFaults, AnAnswerAfterTheListenRainIsGoneIsCancelled) {
  Shelf shelf;
  Outcomes outcomes;
  Side& client = NewSide();
  {
    Side::Options options;
    options.schemes = Schemes();
    Side server(std::move(options));
    Listener listener = server.Listen(FreshKey(), shelf.Service());
    EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), Message::Text("?")).ok());
    shelf.filled().Wait();
    server.ExpectAtRest();
  }
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 1) << outcomes.last();
  for (Responder<Message>& responder : shelf.TakeAll()) {
    const absl::Status status = responder.Reply(Message::Text("too late"));
    EXPECT_TRUE(absl::IsCancelled(status) || absl::IsUnavailable(status)) << status;
  }
}

TEST_P(HandlerFaults, AHandlerThatStopsItsOwnListener) {
  OnEveryExecutor([&](Side& server, Side& client) {
    std::optional<Listener> listener;
    Signal listening;
    Signal handled;
    listener = server.Listen(FreshKey(), Handling([&](Message, CallContext, Responder<Message> responder) {
                               listening.Wait();
                               listener->Stop();
                               const absl::Status status = responder.Reply(Message::Text("to nobody"));
                               EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
                               handled.Raise();
                             }));
    listening.Raise();
    Outcomes outcomes;
    const TransportKey key = listener->bound_key();
    EXPECT_TRUE(outcomes.Ask(client.Open(key), Message::Text("?")).ok());
    outcomes.Wait();
    handled.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 1) << outcomes.last();
    EXPECT_TRUE(outcomes.Ask(client.Open(key), Message::Text("?")).ok());
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 2) << outcomes.last();
  });
}

TEST_P(HandlerFaults, AHandlerThatStopsItsOwnListenRain) {
  OnEveryExecutor([&](Side& server, Side& client) {
    Signal handled;
    Listener listener = server.Listen(FreshKey(), Handling([&](Message, CallContext, Responder<Message> responder) {
                                        server.rain().Stop();
                                        server.rain().Stop();
                                        EXPECT_FALSE(responder.Reply(Message::Text("to nobody")).ok());
                                        handled.Raise();
                                      }));
    Outcomes outcomes;
    EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), Message::Text("?")).ok());
    outcomes.Wait();
    handled.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 1) << outcomes.last();
  });
}

TEST_P(HandlerFaults, ACallbackThatThrowsHurtsNobody) {
  Signal logged;
  SetLogSink([&](Severity severity, absl::string_view, absl::string_view) {
    EXPECT_EQ(severity, Severity::error);
    logged.Raise();
  });
  OnEveryExecutor([&](Side& server, Side& client) {
    Listener listener = server.Listen(FreshKey(), Echo());
    auto transport = client.Open(listener.bound_key());
    const auto throws = [](absl::StatusOr<Message>) { throw std::runtime_error("on purpose"); };
    EXPECT_TRUE(transport.Send(Message::Text("?"), Callback<Message>(throws)).ok());
    Outcomes outcomes;
    EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
    outcomes.Wait();
    EXPECT_EQ(outcomes.replied(), 1);
  });
  logged.Wait(2);
  SetLogSink({});
}

TEST_P(HandlerFaults, RequestsBeyondTheWindowAreRefusedAndTheOthersAnswered) {
  OnEveryExecutor([&](Side&, Side&) {
    Side::Options options;
    options.limits.window_requests = 4;
    Side& server = NewSide(std::move(options));
    Shelf shelf;
    Listener listener = server.Listen(FreshKey(), shelf.Service());
    const auto peer = DialRaw(listener.bound_key(), inproc());
    std::string requests;
    for (uint64_t id = 1; id <= 7; ++id) requests += wire::Message(MessageKind::request, id);
    EXPECT_TRUE(peer->Write(requests));
    for (int i = 0; i < 3; ++i) {
      const wire::Received error = wire::Read(*peer);
      EXPECT_EQ(error.kind, MessageKind::error);
      EXPECT_EQ(error.code, absl::StatusCode::kResourceExhausted);
      EXPECT_GT(error.id, 4u);
    }
    shelf.filled().Wait(4);
    for (Responder<Message>& responder : shelf.TakeAll()) EXPECT_TRUE(responder.Reply(Message::Text("answered")).ok());
    for (int i = 0; i < 4; ++i) EXPECT_EQ(wire::Read(*peer).body, "answered");
    EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 9)));
    shelf.filled().Wait(5);
    shelf.TakeAll();
    EXPECT_EQ(wire::Read(*peer).code, absl::StatusCode::kInternal);
  });
}

TEST_P(HandlerFaults, AFullWindowOfBytesIsNotBeyondIt) {
  Side::Options options;
  options.limits.window_bytes = size_t{10} * (24 + 100);
  Side& server = NewSide(std::move(options));
  Side::Options alike;
  alike.limits.window_bytes = size_t{10} * (24 + 100);
  Side& client = NewSide(std::move(alike));
  Shelf shelf;
  Listener listener = server.Listen(FreshKey(), shelf.Service());
  const auto transport = client.Open(listener.bound_key());
  Outcomes outcomes;
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(outcomes.Ask(transport, Message::Text(std::string(100, 'x'))).ok());
  for (int answered = 10; answered <= 30; answered += 10) {
    shelf.filled().Wait(answered);
    for (Responder<Message>& responder : shelf.TakeAll()) EXPECT_TRUE(responder.Reply(Message::Text("answered")).ok());
  }
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 30) << outcomes.last();
  EXPECT_EQ(server.stats().requests_refused, 0u);
}

RAIN_ON_EVERY_TRANSPORT(HandlerFaults);

}  // namespace
}  // namespace rain
