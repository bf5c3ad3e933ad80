// Connections as handlers see them: told of, with a session, pushed to.
#include "listenrain/framework/connection.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/push.h"
#include "listenrain/testing/engine_fixture.h"

namespace rain {
namespace {

constexpr char kKey[] = "inproc://service";

struct Session {
  std::string name;
};

class ConnectionTest : public EngineFixture {
 protected:
  // Tells what it sees to `events_`, and keeps a session for each peer.
  Router<Message> Service() {
    Router<Message> router;
    router.OnConnect([this](Connection connection) {
      connection.SetSession(std::make_shared<Session>(Session{absl::StrCat("peer ", ++peers_)}));
      events_.push_back(absl::StrCat("connect ", connection.session<Session>()->name));
    });
    router.OnDisconnect([this](Connection connection, absl::Status why) {
      EXPECT_FALSE(why.ok());
      events_.push_back(absl::StrCat("disconnect ", connection.session<Session>()->name));
    });
    router.Otherwise([this](Message message, CallContext context, Responder<Message> responder) {
      events_.push_back(absl::StrCat("request of ", context.connection().session<Session>()->name));
      EXPECT_TRUE(responder.Reply(message).ok());
    });
    return router;
  }
  // A client of its own, whose pushed messages end in pushed_.
  Protocol<Message> NewClient(const std::string& name) {
    auto spec = MessagesSpec(name);
    spec.router.Otherwise([this, name](Message message, CallContext, Responder<Message>) {
      pushed_.push_back(absl::StrCat(name, ":", message.text()));
    });
    return Register(std::move(spec));
  }
  void Ask(const Protocol<Message>& protocol) {
    Outcome<Message> outcome;
    ASSERT_TRUE(rain_->Send(protocol, kKey, Message::Text("?"), outcome.callback()).ok());
    Settle();
    EXPECT_TRUE(outcome.result.ok()) << outcome.result.status();
  }

  int peers_ = 0;
  std::vector<std::string> events_;
  std::vector<std::string> pushed_;
  const Protocol<Message> served_ = Register(MessagesSpec("served"));
};

TEST_F(ConnectionTest, TheUserIsToldBeforeTheFirstRequestAndAfterTheLast) {
  Listener listener = rain_->Listen(served_, kKey, Service()).value();
  const auto first = NewClient("first");
  const auto second = NewClient("second");
  Ask(first);
  Ask(second);
  Ask(first);
  rain_->Open(first, kKey)->connection().Close(absl::CancelledError("bye"));
  Settle();
  EXPECT_EQ(events_, (std::vector<std::string>{"connect peer 1", "request of peer 1", "connect peer 2", "request of peer 2",
                                               "request of peer 1", "disconnect peer 1"}));
  listener.Stop();
  Settle();
  EXPECT_EQ(events_.back(), "disconnect peer 2");
}

TEST_F(ConnectionTest, ASessionEndsWithItsTransport) {
  Listener listener = rain_->Listen(served_, kKey, Service()).value();
  Ask(NewClient("client"));
  const Connection connection = listener.connections().at(0);
  std::weak_ptr<Session> session = connection.session<Session>();
  EXPECT_FALSE(session.expired());
  EXPECT_EQ(connection.session<std::string>(), nullptr) << "of another type";
  connection.SetSession(std::make_shared<std::string>("another"));
  EXPECT_TRUE(session.expired());
  session = {};
  connection.SetSession(std::make_shared<Session>(Session{"again"}));
  session = connection.session<Session>();
  connection.Close(absl::CancelledError("enough"));
  Settle();
  EXPECT_TRUE(connection.gone());
  EXPECT_TRUE(session.expired());
  EXPECT_EQ(events_.back(), "disconnect again");
}

// Nobody watches: the session may hold a handle of its own transport all the same.
TEST_F(ConnectionTest, ASessionThatHoldsItsOwnTransportIsNoLeak) {
  Router<Message> router;
  std::weak_ptr<TransportHandle<Message>> session;
  router.Otherwise([&](Message message, CallContext context, Responder<Message> responder) {
    const auto own = std::make_shared<TransportHandle<Message>>(served_, context.connection());
    context.connection().SetSession(own);
    session = own;
    EXPECT_TRUE(responder.Reply(message).ok());
  });
  Listener listener = rain_->Listen(served_, kKey, std::move(router)).value();
  Ask(NewClient("client"));
  EXPECT_FALSE(session.expired());
  listener.Stop();
  Settle();
  EXPECT_TRUE(session.expired());
}

TEST_F(ConnectionTest, PushesToOnePeerAndToAll) {
  Listener listener = rain_->Listen(served_, kKey, Service()).value();
  Ask(NewClient("a"));
  Ask(NewClient("b"));
  for (const Connection& connection : listener.connections()) {
    if (connection.session<Session>()->name == "peer 2") {
      EXPECT_TRUE(TransportHandle<Message>(served_, connection).Post(Message::Text("you")).ok());
    }
  }
  Settle();
  EXPECT_EQ(pushed_, (std::vector<std::string>{"b:you"}));
  pushed_.clear();
  EXPECT_EQ(PostToAll(served_, listener.connections(), Message::Text("all")), 2u);
  Settle();
  EXPECT_EQ(pushed_, (std::vector<std::string>{"a:all", "b:all"}));
}

TEST_F(ConnectionTest, ADialerIsToldOfItsChannelsToo) {
  Listener listener = rain_->Listen(served_, kKey, Service()).value();
  std::vector<std::string> seen;
  auto spec = MessagesSpec("watching");
  spec.router.OnConnect([&](Connection connection) {
    EXPECT_EQ(connection.role(), Role::dialer);
    seen.emplace_back("up");
  });
  spec.router.OnDisconnect([&](Connection, absl::Status why) { seen.emplace_back(why.message()); });
  const auto client = Register(std::move(spec));
  Ask(client);
  listener.connections().at(0).Close(absl::CancelledError("enough"));
  Settle();
  ASSERT_TRUE(loop_->Advance(absl::Seconds(1)));
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], "up");
  EXPECT_THAT(seen[1], testing::HasSubstr("closed"));
  EXPECT_EQ(seen[2], "up");
  rain_->Stop();  // tells of the second one's end
  Settle();
  EXPECT_EQ(seen.size(), 4u);
}

}  // namespace
}  // namespace rain
