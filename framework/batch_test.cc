// What goes together: one write for what a turn sends, and reads that leave the peer something to do.
#include <string>
#include <vector>

#include "listenrain/codecs/endian.h"
#include "listenrain/testing/engine_fixture.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/testing/scripted_channel.h"
#include "listenrain/testing/scripted_scheme.h"

namespace rain {
namespace {

constexpr char kKey[] = "scripted://service";
constexpr int kRequests = 100;

class BatchTest : public EngineFixture {
 protected:
  BatchTest() {
    auto spec = MessagesSpec("scripted");
    spec.channels.push_back(NewScriptedScheme(network_));
    protocol_ = Register(std::move(spec));
  }

  const std::shared_ptr<ScriptedNetwork> network_ = std::make_shared<ScriptedNetwork>();
  const std::shared_ptr<ScriptedPeer> peer_ = ScriptedPeer::Make();
  const std::string body_ = std::string(100, 'x');
  Protocol<Message> protocol_;
};

TEST_F(BatchTest, RepliesToWhatOneReadBroughtLeaveInOneWrite) {
  Serve<Message>(protocol_, kKey,
                 [](Message message, CallContext, Responder<Message> responder) { EXPECT_TRUE(responder.Reply(message).ok()); });
  network_->accepts.Connect(peer_);
  std::string requests;
  std::string replies;
  for (uint64_t id = 1; id <= 20; ++id) {
    requests += wire::Message(MessageKind::request, id, body_);
    replies += wire::Message(MessageKind::reply, id, body_);
  }
  peer_->Send(requests);
  Settle();
  EXPECT_EQ(peer_->taken(), replies);
  EXPECT_EQ(peer_->writes(), 1);
}

// Each reply makes its receiver ask again.
TEST_F(BatchTest, WhatTheFirstRepliesLeadToIsAtThePeerBeforeTheLastOnesAreRead) {
  network_->dials.Connect(peer_);
  int replied = 0;
  int written_at_last = 0;
  const auto count = [&](absl::StatusOr<Message> reply) {
    ASSERT_TRUE(reply.ok()) << reply.status();
    if (++replied == kRequests) written_at_last = peer_->writes();
    (void)rain_->Post(protocol_, kKey, Message::Text("again"));
  };
  for (int i = 0; i < kRequests; ++i) {
    ASSERT_TRUE(rain_->Send(protocol_, kKey, Message::Text(body_), Callback<Message>(count)).ok());
  }
  Settle();
  ASSERT_EQ(peer_->writes(), 1) << "what was sent in one turn";
  const size_t packet = peer_->taken().size() / kRequests;
  std::string replies;
  for (size_t i = 0; i < kRequests; ++i) {
    replies += wire::Message(MessageKind::reply, Load<uint64_t>(peer_->taken().data() + i * packet + 8), body_);
  }
  peer_->Send(replies);
  Settle();
  EXPECT_EQ(replied, kRequests);
  EXPECT_GE(written_at_last, 3) << "the requests, and two writes of what followed";
  EXPECT_LT(written_at_last, kRequests / 4) << "and not one by one";
  rain_->Stop();
  Settle();
}

}  // namespace
}  // namespace rain
