// Packets and messages that are not what they should be: a peer that errs ends its channel or its message, and nothing else.
#include <string>

#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/wire_test.h"

namespace rain {
namespace {

constexpr size_t kLargestPacket = 64 << 10;

class PacketFaults : public EveryTransport {
 protected:
  Side& NewLimitedSide() {
    Side::Options options;
    options.limits.max_packet_bytes = kLargestPacket;
    return NewSide(std::move(options));
  }
  std::unique_ptr<RawPeer> Dial(const Listener& listener) { return DialRaw(listener.bound_key(), inproc()); }
  std::unique_ptr<RawListener> ListenRaw() { return rain::ListenRaw(FreshKey(), inproc()); }
  // The service answers as if nothing had been.
  void ExpectServes(const Listener& listener) {
    const auto peer = Dial(listener);
    EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 77, "still there?")));
    const wire::Received reply = wire::Read(*peer);
    EXPECT_EQ(reply.kind, MessageKind::reply);
    EXPECT_EQ(reply.id, 77u);
    EXPECT_EQ(reply.body, "still there?");
  }
};

TEST_P(PacketFaults, AnAnnouncedOversizeEndsTheChannelBeforeItsBytesCome) {
  Side& server = NewLimitedSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  EXPECT_TRUE(peer->Write(wire::Length(kLargestPacket)));  // with its prefix it is larger
  EXPECT_TRUE(wire::Ends(*peer));
  ExpectServes(listener);
  EXPECT_EQ(server.stats().requests_received, 1u);
}

TEST_P(PacketFaults, ThePacketOfExactlyTheLimitPasses) {
  Side& server = NewLimitedSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  const std::string body(kLargestPacket - 4 - 24, 'x');
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 5, body)));
  EXPECT_EQ(wire::Read(*peer).body, body);
}

TEST_P(PacketFaults, AnOversizeRequestIsRefusedAtHomeAndHurtsNobody) {
  Side& server = NewLimitedSide();
  Side& client = NewLimitedSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto transport = client.Open(listener.bound_key());
  Outcomes outcomes;
  const absl::Status refused = outcomes.Ask(transport, Message::Text(std::string(kLargestPacket, 'x')));
  if (refused.ok()) {  // found out only when framed: the outcome tells
    outcomes.Wait();
    EXPECT_EQ(outcomes.ended(absl::StatusCode::kResourceExhausted), 1);
  } else {
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  }
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("small")).ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 1);
}

TEST_P(PacketFaults, AnOversizeReplyEndsAsTheCallersError) {
  Side& server = NewLimitedSide();
  Side& client = NewLimitedSide();
  Listener listener = server.Listen(FreshKey(), Handling([](Message, CallContext, Responder<Message> responder) {
                                      const absl::Status status =
                                          responder.Reply(Message::Text(std::string(kLargestPacket, 'x')));
                                      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
                                    }));
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(client.Open(listener.bound_key()), Message::Text("?")).ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kResourceExhausted), 1) << outcomes.last();
}

TEST_P(PacketFaults, AnOversizeReplyFromAPeerEndsTheChannelAndItsRequests) {
  const auto listener = ListenRaw();
  Side& client = NewLimitedSide();
  Outcomes outcomes;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(outcomes.Ask(client.Open(listener->key()), Message::Text("?")).ok());
  const auto peer = listener->Accept();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wire::Read(*peer).kind, MessageKind::request);  // what is not sent yet stays alive
  EXPECT_TRUE(peer->Write(wire::Length(1 << 30)));
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kResourceExhausted), 3) << outcomes.last();
}

TEST_P(PacketFaults, AZeroLengthPacketIsDroppedAndTheChannelGoesOn) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  EXPECT_TRUE(peer->Write(wire::Packet("") + wire::Packet("") + wire::Message(MessageKind::request, 9, "after")));
  EXPECT_EQ(wire::Read(*peer).body, "after");
  EXPECT_EQ(server.stats().undecodable, 2u);
}

TEST_P(PacketFaults, APayloadShorterThanTheHeaderIsDroppedAndTheChannelGoesOn) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  const std::string whole = wire::Payload(MessageKind::request, 3);
  for (size_t size = 1; size < whole.size(); ++size) EXPECT_TRUE(peer->Write(wire::Packet(whole.substr(0, size))));
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 9, "after")));
  EXPECT_EQ(wire::Read(*peer).body, "after");
  EXPECT_EQ(server.stats().undecodable, whole.size() - 1);
}

TEST_P(PacketFaults, AnUnknownVersionIsDroppedAndTheChannelGoesOn) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  std::string other = wire::Payload(MessageKind::request, 3);
  other[0] = 2;
  EXPECT_TRUE(peer->Write(wire::Packet(other) + wire::Message(MessageKind::request, 9, "after")));
  EXPECT_EQ(wire::Read(*peer).body, "after");
  EXPECT_EQ(server.stats().undecodable, 1u);
}

TEST_P(PacketFaults, AnUndecodableRequestGetsAnErrorReply) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  std::string cut = wire::Payload(MessageKind::request, 4);
  cut[3] = 3;  // announces a command and metadata, and ends
  EXPECT_TRUE(peer->Write(wire::Packet(cut)));
  const wire::Received error = wire::Read(*peer);
  EXPECT_EQ(error.kind, MessageKind::error);
  EXPECT_EQ(error.id, 4u);
  EXPECT_EQ(error.code, absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 5, "after")));
  EXPECT_EQ(wire::Read(*peer).body, "after");
}

TEST_P(PacketFaults, AnUndecodableReplyEndsItsRequestOnly) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("one")).ok());
  const auto peer = listener->Accept();
  std::string cut = wire::Payload(MessageKind::reply, wire::Read(*peer).id);
  cut[3] = 3;
  EXPECT_TRUE(peer->Write(wire::Packet(cut)));
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kInvalidArgument), 1) << outcomes.last();
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("two")).ok());
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, wire::Read(*peer).id, "fine")));
  outcomes.Wait();
  EXPECT_EQ(outcomes.replied(), 1);
  EXPECT_EQ(outcomes.last(), "fine");
}

TEST_P(PacketFaults, AnEmptyErrorReplyIsStillAnError) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(client.Open(listener->key()), Message::Text("one")).ok());
  const auto peer = listener->Accept();
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::error, wire::Read(*peer).id)));
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kInvalidArgument), 1) << outcomes.last();
}

TEST_P(PacketFaults, ATruncatedPacketEndsTheChannelAndNoHandlerSeesIt) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const std::string whole = wire::Message(MessageKind::request, 3, "0123456789");
  for (const size_t size : {size_t{1}, size_t{4}, size_t{5}, size_t{27}, whole.size() - 1}) {
    const auto peer = Dial(listener);
    EXPECT_TRUE(peer->Write(whole.substr(0, size)));
    peer->HalfClose();
    EXPECT_TRUE(wire::Ends(*peer)) << size;
  }
  ExpectServes(listener);
  EXPECT_EQ(server.stats().requests_received, 1u);
}

TEST_P(PacketFaults, ATruncatedReplyEndsItsRequestsAsDataLoss) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(client.Open(listener->key()), Message::Text("?")).ok());
  const auto peer = listener->Accept();
  const std::string reply = wire::Message(MessageKind::reply, wire::Read(*peer).id, "cut");
  EXPECT_TRUE(peer->Write(reply.substr(0, reply.size() - 1)));
  peer->HalfClose();
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kDataLoss), 1) << outcomes.last();
}

TEST_P(PacketFaults, AnUnknownKindEndsTheChannelUnlessItIsOptional) {
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const auto peer = Dial(listener);
  std::string optional = wire::Payload(MessageKind{99}, 1);
  optional[2] = static_cast<char>(0x80);
  EXPECT_TRUE(peer->Write(wire::Packet(optional) + wire::Message(MessageKind::request, 9, "after")));
  EXPECT_EQ(wire::Read(*peer).body, "after");
  EXPECT_EQ(server.stats().skipped, 1u);
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind{99}, 1)));
  EXPECT_TRUE(wire::Ends(*peer));
}

TEST_P(PacketFaults, RepliesThatNobodyAskedForAreDroppedAndCounted) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?")).ok());
  const auto peer = listener->Accept();
  const uint64_t id = wire::Read(*peer).id;
  std::string replies;
  for (const uint64_t other : {uint64_t{0}, id + 1, id + (uint64_t{1} << 32), ~uint64_t{0}, id ^ (uint64_t{1} << 63)}) {
    replies += wire::Message(MessageKind::reply, other, "nobody's") + wire::Message(MessageKind::error, other);
  }
  EXPECT_TRUE(
      peer->Write(replies + wire::Message(MessageKind::reply, id, "mine") + wire::Message(MessageKind::reply, id, "again")));
  outcomes.Wait();
  EXPECT_EQ(outcomes.last(), "mine");
  client.Await([](const Stats& s) { return s.late_replies == 11; });
  EXPECT_EQ(client.stats().replied, 1u);
}

TEST_P(PacketFaults, ALateReplyIsDroppedAndCounted) {
  const auto listener = ListenRaw();
  Side& client = NewSide();
  const auto transport = client.Open(listener->key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("?"), {.timeout = absl::Milliseconds(5)}).ok());
  const auto peer = listener->Accept();
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kDeadlineExceeded), 1);
  // It may have ended while it waited for the channel: then it was never sent, and the next is the first to come.
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("next")).ok());
  wire::Received request = wire::Read(*peer);
  int late = 0;
  for (; request.body != "next"; request = wire::Read(*peer), ++late) {
    EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, request.id, "late")));
  }
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::reply, request.id, "in time")));
  outcomes.Wait();
  EXPECT_EQ(outcomes.last(), "in time");
  EXPECT_EQ(client.stats().late_replies, static_cast<uint64_t>(late));
}

TEST_P(PacketFaults, AnUnknownMethodIsNotFound) {
  Side& server = NewSide();
  Side& client = NewSide();
  Router<Message> router;
  router.On(1, [](Message message, CallContext, Responder<Message> responder) { EXPECT_TRUE(responder.Reply(message).ok()); });
  Listener listener = server.Listen(FreshKey(), std::move(router));
  const auto transport = client.Open(listener.bound_key());
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text(2, "?")).ok());
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text("no such command", "?")).ok());
  EXPECT_TRUE(outcomes.Ask(transport, Message::Text(1, "?")).ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kNotFound), 2);
  EXPECT_EQ(outcomes.replied(), 1);
}

TEST_P(PacketFaults, ARequestWhoseIdIsInFlightAlreadyExists) {
  Side& server = NewSide();
  Mutex mutex;
  std::vector<Responder<Message>> kept;
  Signal arrived;
  Listener listener = server.Listen(FreshKey(), Handling([&](Message, CallContext, Responder<Message> responder) {
                                      MutexLock lock(mutex);
                                      kept.push_back(std::move(responder));
                                      arrived.Raise();
                                    }));
  const auto peer = Dial(listener);
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 8)));
  arrived.Wait();
  EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 8)));
  const wire::Received error = wire::Read(*peer);
  EXPECT_EQ(error.kind, MessageKind::error);
  EXPECT_EQ(error.code, absl::StatusCode::kAlreadyExists);
  {
    MutexLock lock(mutex);
    EXPECT_EQ(kept.size(), 1u);
    EXPECT_TRUE(kept.front().Reply(Message::Text("the first")).ok());
  }
  EXPECT_EQ(wire::Read(*peer).body, "the first");
  EXPECT_EQ(server.stats().requests_refused, 1u);
}

RAIN_ON_EVERY_TRANSPORT(PacketFaults);

}  // namespace
}  // namespace rain
