// Peers that go away, or stand there and do nothing.
#include <atomic>
#include <string>
#include <thread>

#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/wire_test.h"

namespace rain {
namespace {

class PeerFaults : public EveryTransport {
 protected:
  std::unique_ptr<RawPeer> Dial(const Listener& listener) { return DialRaw(listener.bound_key(), inproc()); }
  std::unique_ptr<RawListener> ListenRaw() { return rain::ListenRaw(FreshKey(), inproc()); }
};

TEST_P(PeerFaults, AClientThatVanishesMidPacketLeavesNothingBehind) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const std::string large = wire::Message(MessageKind::request, 1, std::string(300 << 10, 'x'));
  for (const size_t size : {size_t{2}, size_t{10}, size_t{100 << 10}}) {
    const auto peer = Dial(listener);
    EXPECT_TRUE(peer->Write(large.substr(0, size)));
    peer->Reset();
  }
  server.Await([](const Stats& s) { return s.channels_closed == 3; });
  EXPECT_EQ(server.stats().requests_received, 0u);
  EXPECT_EQ(server.rain().StatsOf(server.protocol()).undecodable, 0u);
}

TEST_P(PeerFaults, AServerThatVanishesMidReplyEndsWhatWasAskedAtOnce) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  Outcomes outcomes;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(outcomes.Ask(client.Open(listener->key()), Message::Text("?")).ok());
  const auto peer = listener->Accept();
  const wire::Received first = wire::Read(*peer);
  for (int i = 1; i < 5; ++i) wire::Read(*peer);
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, first.id, "whole") +
                          wire::Message(MessageKind::reply, first.id + 1, std::string(200, 'x')).substr(0, 100)));
  EXPECT_TRUE(Eventually([&] { return outcomes.replied() == 1; }));
  peer->Reset();
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 1);
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable) + outcomes.ended(absl::StatusCode::kDataLoss), 4) << outcomes.last();
}

TEST_P(PeerFaults, AResetFailsWhatIsInFlightAndTheNextRequestDialsAgain) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  Outcomes outcomes;
  const TransportKey key = listener->key();
  for (int round = 1; round <= 3; ++round) {
    EXPECT_TRUE(outcomes.Ask(client.Open(key), Message::Text("?")).ok());
    const auto peer = listener->Accept();
    EXPECT_EQ(wire::Read(*peer).kind, MessageKind::request);
    peer->Reset();
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), round) << outcomes.last();
  }
  EXPECT_EQ(client.stats().channels_opened, 3u);
}

TEST_P(PeerFaults, AHandleOutlivesItsChannels) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  {
    const auto first = listener->Accept();
    EXPECT_EQ(wire::Read(*first).kind, MessageKind::request);
    first->Reset();
  }
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 1) << outcomes.last();
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  const auto peer = listener->Accept();
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, wire::Read(*peer).id)));
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 1) << outcomes.last();
}

TEST_P(PeerFaults, AClientThatHalfClosesStillGetsItsReplies) {
  Side& server = NewSide();
  Signal asked;
  Signal answer;
  Listener listener = server.Listen(FreshKey(), Handling([&](Message message, CallContext, Responder<Message> responder) {
                                      asked.Raise();
                                      answer.Wait();
                                      EXPECT_TRUE(responder.Reply(message).ok());
                                    }));
  const auto peer = Dial(listener);
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 1, "one") + wire::Message(MessageKind::request, 2, "two")));
  peer->HalfClose();
  asked.Wait(2);
  answer.Raise();
  EXPECT_EQ(wire::Read(*peer).kind, MessageKind::reply);
  EXPECT_EQ(wire::Read(*peer).kind, MessageKind::reply);
  EXPECT_TRUE(wire::Ends(*peer));
}

TEST_P(PeerFaults, AClientThatHalfClosesGetsAReplyThatIsLargerThanAllBuffers) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  const std::string body(8 << 20, 'x');
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 1, body)));
  peer->HalfClose();
  EXPECT_EQ(wire::Read(*peer).body, body);
  EXPECT_TRUE(wire::Ends(*peer));
}

TEST_P(PeerFaults, AnIdleClientThatHalfClosesIsLetGo) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  peer->HalfClose();
  EXPECT_TRUE(wire::Ends(*peer));
  server.Await([](const Stats& s) { return s.channels_closed == 1; });
}

TEST_P(PeerFaults, AServerThatHalfClosesEndsWhatWaitsForReplies) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(client.Open(listener->key()), Message::Text("one")).ok());
  EXPECT_TRUE(outcomes.Ask(client.Open(listener->key()), Message::Text("two")).ok());
  const auto peer = listener->Accept();
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, wire::Read(*peer).id, "said before the end")));
  peer->HalfClose();
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 1);
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 1) << outcomes.last();
}

// Small bounds, so that they are soon reached whatever the kernel buffers.
Side::Options SmallQueue() {
  Side::Options options;
  options.limits.max_queued_packets = 16;
  options.limits.max_queued_bytes = 1 << 20;
  options.limits.window_requests = 1 << 14;
  return options;
}

TEST_P(PeerFaults, AServerThatNeverReadsStopsItsClientsAndTheirDeadlinesHold) {
  const auto listener = ListenRaw();
  Side& client = NewSide(SmallQueue());
  const auto transport = client.Open(listener->key());
  const Message large = Message::Text(std::string(64 << 10, 'x'));
  Outcomes outcomes;
  absl::Status status;
  while ((status = outcomes.Ask(transport, large, {.timeout = absl::Seconds(2)})).ok() && outcomes.ended() == 0) {
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  const auto peer = listener->Accept();
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kDeadlineExceeded), outcomes.asked()) << outcomes.last();
}

TEST_P(PeerFaults, AServerThatReadsAgainGetsAllThatWasAccepted) {
  const auto listener = ListenRaw();
  Side& client = NewSide(SmallQueue());
  const auto transport = client.Open(listener->key());
  const Message large = Message::Text(std::string(64 << 10, 'x'));
  Outcomes outcomes;
  while (outcomes.Ask(transport, large).ok()) {
  }
  const auto peer = listener->Accept();
  for (int answered = 0; answered < outcomes.asked(); ++answered) {
    const wire::Received request = wire::Read(*peer);
    EXPECT_EQ(request.body.size(), size_t{64 << 10});
    EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, request.id, "ok")));
  }
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), outcomes.asked()) << outcomes.last();
}

TEST_P(PeerFaults, AClientThatNeverReadsItsRepliesIsReadNoMoreAndLetGoInTheEnd) {
  Side::Options options = SmallQueue();
  options.limits.stall = absl::Milliseconds(300);
  Side& server = NewSide(std::move(options));
  Listener listener = server.Listen(FreshKey(), Handling([](Message, CallContext, Responder<Message> responder) {
                                      (void)responder.Reply(Message::Text(std::string(256 << 10, 'x')));  // or it is gone
                                    }));
  const auto peer = Dial(listener);
  std::thread asking([&] {
    uint64_t id = 0;
    while (peer->Write(wire::Message(MessageKind::request, ++id, std::string(16 << 10, 'y')))) {
    }
  });
  server.Await([](const Stats& s) { return s.channels_closed == 1; });
  if (is("inproc")) peer->Reset();  // in process, an end that does not read is not told of its peer's end
  asking.join();
  EXPECT_LT(server.stats().requests_received, 10'000u);
}

TEST_P(PeerFaults, AShortDeadlineHoldsAfterALongOneThatWasMet) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?"), {.timeout = absl::Hours(1)}).ok());
  const auto peer = listener->Accept();
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, wire::Read(*peer).id)));
  outcomes.Wait();
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?"), {.timeout = absl::Milliseconds(20)}).ok());
  outcomes.Wait();  // for an hour, if it stands behind the first one's timer
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kDeadlineExceeded), 1) << outcomes.last();
}

TEST_P(PeerFaults, AFullBacklogRefusesAtOnce) {
  if (is("tcp")) GTEST_SKIP() << "there the system lets the dialer wait: see TcpConnect.ABlackHole…";
  const TransportKey key = is("inproc") ? TransportKey(FreshKey().text() + "?backlog=1") : FreshKey();
  const auto listener = rain::ListenRaw(key, inproc(), 0);
  const TransportKey dialed(listener->key().text().substr(0, listener->key().text().find('?')));
  const auto waiting = DialRaw(dialed, inproc());
  Side& client = NewSide();
  const absl::Status status = client.rain().SyncSend(client.protocol(), dialed, Message::Text("?")).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(BytesSentOf(status), BytesSent::none);
}

TEST_P(PeerFaults, OneWayMessagesThatNobodyHandlesInTimeStopTheirSender) {
  Side& server = NewSide(SmallQueue());
  Signal release;
  Signal handled;
  Listener listener = server.Listen(FreshKey(), Handling([&](Message, CallContext, Responder<Message>) {
                                      release.Wait();
                                      handled.Raise();
                                    }));
  const auto peer = Dial(listener);
  std::atomic<int> sent{0};
  constexpr int kPosts = 4000;  // of 64 KiB: far more than the limits and all buffers
  std::thread posting([&] {
    const std::string post = wire::Message(MessageKind::one_way, 0, std::string(64 << 10, 'x'));
    while (sent < kPosts && peer->Write(post)) ++sent;
  });
  // Everything taken, or nothing for as long as many turns of the loop.
  int before = -1;
  for (int quiet = 0; quiet < 2000 && sent < kPosts; quiet = sent == before ? quiet + 1 : 0) {
    before = sent;
    OnLoop(server.loop(), [] {});
  }
  EXPECT_LT(sent, kPosts) << "the server holds " << server.stats().bytes_in << " bytes that nobody has handled";
  release.Raise();
  posting.join();
  handled.Wait(kPosts);
}

RAIN_ON_EVERY_TRANSPORT(PeerFaults);

}  // namespace
}  // namespace rain
