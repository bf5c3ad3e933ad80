// Access points that cannot be had, cannot be reached, or are not what they should be.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "listenrain/testing/faults/fault_rig_test.h"
#include "listenrain/testing/faults/wire_test.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {
namespace {

class ConnectFaults : public EveryTransport {
 protected:
  // A key that was listened on and is not any more.
  TransportKey DeadKey() {
    Side& server = NewSide();
    Listener listener = server.Listen(FreshKey(), Echo());
    return listener.bound_key();
  }
};

TEST_P(ConnectFaults, ARefusedConnectFailsAtOnceAndNothingWasSent) {
  const TransportKey key = DeadKey();
  Side& client = NewSide();
  Outcomes outcomes;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(outcomes.Ask(client.Open(key), Message::Text("?")).ok());
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kUnavailable), 3) << outcomes.last();
  EXPECT_TRUE(absl::StrContains(outcomes.last(), key.text())) << outcomes.last();
  const absl::StatusOr<Message> reply = client.rain().SyncSend(client.protocol(), key, Message::Text("?"));
  EXPECT_TRUE(absl::IsUnavailable(reply.status())) << reply.status();
  EXPECT_EQ(BytesSentOf(reply.status()), BytesSent::none);
  EXPECT_EQ(OriginOf(reply.status()), Origin::local);
}

TEST_P(ConnectFaults, AServerThatComesBackIsReachedAgain) {
  const TransportKey key = DeadKey();
  Side& client = NewSide();
  EXPECT_TRUE(absl::IsUnavailable(client.rain().SyncSend(client.protocol(), key, Message::Text("?")).status()));
  Side& server = NewSide();
  Listener listener = server.Listen(key, Echo());
  const absl::StatusOr<Message> reply =
      client.rain().SyncSend(client.protocol(), key, Message::Text("again"), {.wait_for_ready = true});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text(), "again");
}

TEST_P(ConnectFaults, ListeningTwiceIsUnavailableAndTheFirstGoesOn) {
  Side& server = NewSide();
  Listener first = server.Listen(FreshKey(), Echo());
  absl::StatusOr<Listener> second = server.rain().Listen(server.protocol(), first.bound_key(), Echo());
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), first.bound_key().text())) << second.status();
  Side& client = NewSide();
  EXPECT_TRUE(client.rain().SyncSend(client.protocol(), first.bound_key(), Message::Text("?")).ok());
}

TEST_P(ConnectFaults, AnAccessPointCanBeListenedOnAgainOnceItsListenerStopped) {
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  const TransportKey key = listener.bound_key();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client.rain().SyncSend(client.protocol(), key, Message::Text("?")).ok());
    listener.Stop();
    listener = server.Listen(key, Echo());
    // The transport of before ends as UNAVAILABLE, perhaps for one request that finds it still there.
    EXPECT_TRUE(Eventually([&] { return client.rain().SyncSend(client.protocol(), key, Message::Text("?")).ok(); }));
  }
}

TEST_P(ConnectFaults, UnknownOptionsAreNamed) {
  Side& side = NewSide();
  const TransportKey key(absl::StrCat(FreshKey().text(), "?colour=blue"));
  const absl::StatusOr<Listener> listener = side.rain().Listen(side.protocol(), key, Echo());
  EXPECT_TRUE(absl::IsInvalidArgument(listener.status())) << listener.status();
  EXPECT_TRUE(absl::StrContains(listener.status().message(), "colour")) << listener.status();
  const absl::Status sent = side.rain().SyncSend(side.protocol(), key, Message::Text("?")).status();
  EXPECT_TRUE(absl::IsInvalidArgument(sent)) << sent;
  EXPECT_EQ(side.stats().started, 0u);
}

TEST_P(ConnectFaults, BadValuesOfOptionsAreNamed) {
  Side& side = NewSide();
  for (const char* option : {"backlog=0", "backlog=many", "backlog=-1", "backlog="}) {
    const TransportKey key(absl::StrCat(FreshKey().text(), "?", option));
    const absl::StatusOr<Listener> listener = side.rain().Listen(side.protocol(), key, Echo());
    EXPECT_TRUE(absl::IsInvalidArgument(listener.status())) << option << ": " << listener.status();
  }
}

RAIN_ON_EVERY_TRANSPORT(ConnectFaults);

class Keys : public FaultRig {};

TEST_F(Keys, BadOnesAreInvalidArguments) {
  Side& side = NewSide();
  for (const char* key :
       {"", "tcp", "tcp:", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:x", "://x",
        "unix:", "unix:@", "inproc://", "tcp://127.0.0.1:1?", "tcp://127.0.0.1:1?a", "tcp://127.0.0.1:1?=1"}) {
    const absl::Status sent = side.rain().Send(side.protocol(), key, Message::Text("?"), Callback<Message>([](auto) { FAIL(); }));
    EXPECT_TRUE(absl::IsInvalidArgument(sent)) << key << ": " << sent;
    const absl::Status listening = side.rain().Listen(side.protocol(), key, Echo()).status();
    EXPECT_TRUE(absl::IsInvalidArgument(listening)) << key << ": " << listening;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(side.rain().SyncSend(side.protocol(), "tcp://127.0.0.1:0", Message::Text("?")).status()));
  const std::string too_long = "unix:///" + std::string(200, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(side.rain().SyncSend(side.protocol(), too_long, Message::Text("?")).status()));
  EXPECT_EQ(side.stats().started, 0u);
}

TEST_F(Keys, AnUnknownSchemeIsUnimplementedAndTheKnownAreNamed) {
  Side& side = NewSide();
  const absl::Status sent = side.rain().SyncSend(side.protocol(), "carrier-pigeon://loft", Message::Text("?")).status();
  EXPECT_TRUE(absl::IsUnimplemented(sent)) << sent;
  EXPECT_TRUE(absl::StrContains(sent.message(), "tcp")) << sent;
}

TEST_F(Keys, AProtocolThatWasNeverRegisteredIsAnInvalidArgument) {
  Side& side = NewSide();
  EXPECT_TRUE(
      absl::IsInvalidArgument(side.rain().SyncSend(Protocol<Message>(), "tcp://127.0.0.1:1", Message::Text("?")).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(side.rain().Listen(Protocol<Message>(), "tcp://127.0.0.1:0", Echo()).status()));
}

class TcpConnect : public FaultRig {};

TEST_F(TcpConnect, AnUnresolvableNameIsUnavailable) {
  Side& client = NewSide();
  const TransportKey key("tcp://no-such-host.invalid:80");  // RFC 2606: the name never resolves
  const absl::Status sent = client.rain().SyncSend(client.protocol(), key, Message::Text("?")).status();
  EXPECT_TRUE(absl::IsUnavailable(sent)) << sent;
  EXPECT_TRUE(absl::StrContains(sent.message(), key.text())) << sent;
}

// A listener whose backlog is full: what dials it now is answered by nobody.
class BlackHole {
 public:
  BlackHole() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_.get(), 0), 0);
    EXPECT_EQ(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    key_ = TransportKey(absl::StrCat("tcp://127.0.0.1:", ntohs(address.sin_port)));
    // Room for one; a few more, so that it is full for certain.
    for (int i = 0; i < 4; ++i) {
      fillers_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)connect(fillers_.back().get(), reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  const TransportKey& key() const { return key_; }

 private:
  UniqueFd socket_;
  TransportKey key_;
  std::vector<UniqueFd> fillers_;
};

TEST_F(TcpConnect, ABlackHoleEndsAtTheDeadlineNoSoonerNorLater) {
  const BlackHole hole;
  Side& client = NewSide();
  constexpr auto kTimeout = std::chrono::milliseconds(300);
  const auto begin = std::chrono::steady_clock::now();
  const absl::Status sent =
      client.rain().SyncSend(client.protocol(), hole.key(), Message::Text("?"), {.timeout = absl::FromChrono(kTimeout)}).status();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_TRUE(absl::IsDeadlineExceeded(sent)) << sent;
  EXPECT_EQ(BytesSentOf(sent), BytesSent::none);
  EXPECT_GE(took, kTimeout);
  EXPECT_LT(took, kTimeout + std::chrono::seconds(2));  // the machine may be busy; a connect of its own takes 10 s to give up
}

TEST_F(TcpConnect, ABlackHoleEndsAtTheDialersOwnLimitIfThatIsShorter) {
  const BlackHole hole;
  Side& client = NewSide();
  const TransportKey key(absl::StrCat(hole.key().text(), "?connect_timeout=50"));
  const absl::Status sent = client.rain().SyncSend(client.protocol(), key, Message::Text("?")).status();
  EXPECT_TRUE(absl::IsUnavailable(sent)) << sent;
}

TEST_F(TcpConnect, StoppingDoesNotWaitForABlackHole) {
  const BlackHole hole;
  Side& client = NewSide();
  Outcomes outcomes;
  EXPECT_TRUE(outcomes.Ask(client.Open(hole.key()), Message::Text("?"), {.timeout = absl::Hours(1)}).ok());
  client.rain().Stop();
  outcomes.Wait();
  EXPECT_EQ(outcomes.ended(absl::StatusCode::kCancelled), 1) << outcomes.last();
}

class UnixFiles : public FaultRig {
 protected:
  std::string PathOf(const TransportKey& key) { return std::string(key.address()); }
};

TEST_F(UnixFiles, AStaleSocketFileIsReplaced) {
  const TransportKey key = FreshKey("unix");
  {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string path = PathOf(key);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const UniqueFd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(dead.get(), 1), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(PathOf(key)));
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(key, Echo());
  EXPECT_TRUE(client.rain().SyncSend(client.protocol(), key, Message::Text("?")).ok());
  listener.Stop();
  EXPECT_FALSE(std::filesystem::exists(PathOf(key)));
}

TEST_F(UnixFiles, AFileThatIsNoSocketIsLeftAlone) {
  const TransportKey key = FreshKey("unix");
  std::ofstream(PathOf(key)) << "somebody's work";
  Side& side = NewSide();
  const absl::Status listening = side.rain().Listen(side.protocol(), key, Echo()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(listening)) << listening;
  std::string content;
  std::getline(std::ifstream(PathOf(key)), content);
  EXPECT_EQ(content, "somebody's work");
  const absl::Status sent = side.rain().SyncSend(side.protocol(), key, Message::Text("?")).status();
  EXPECT_TRUE(absl::IsUnavailable(sent)) << sent;
}

TEST_F(UnixFiles, AFolderThatIsMissingIsUnavailable) {
  Side& side = NewSide();
  const TransportKey key(absl::StrCat("unix://", folder(), "/missing/x"));
  const absl::Status listening = side.rain().Listen(side.protocol(), key, Echo()).status();
  EXPECT_TRUE(absl::IsUnavailable(listening)) << listening;
}

// Takes every descriptor that the process may have, and lowers that limit first so that they are few.
class NoDescriptorsLeft {
 public:
  explicit NoDescriptorsLeft(size_t spare) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit low = before_;
    low.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 512);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken_.emplace_back(fd);
    EXPECT_EQ(errno, EMFILE);
    taken_.resize(taken_.size() - spare);
  }
  ~NoDescriptorsLeft() {
    taken_.clear();
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0);
  }

 private:
  rlimit before_;
  std::vector<UniqueFd> taken_;
};

class DescriptorLimit : public EveryTransport {
 protected:
  void SetUp() override {
    EveryTransport::SetUp();
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the undefined behaviour sanitizer opens pipes to look at objects, and fails without descriptors";
#endif
  }
};

TEST_P(DescriptorLimit, AnAcceptBacksOffAndRecovers) {
  Signal warned;
  SetLogSink([&](Severity severity, absl::string_view, absl::string_view text) {
    EXPECT_EQ(severity, Severity::warning) << text;
    warned.Raise();
  });
  Side& server = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  OnLoop(server.loop(), [] {});
  {
    std::unique_ptr<RawPeer> peer;
    {
      const NoDescriptorsLeft none(1);  // for the peer's own end
      peer = DialRaw(listener.bound_key(), inproc());
      EXPECT_TRUE(peer->Write(wire::Message(MessageKind::request, 1, "patient")));
      warned.Wait(2);  // tried, and tried again
      EXPECT_EQ(server.stats().channels_opened, 0u);
    }
    EXPECT_EQ(wire::Read(*peer).body, "patient");
  }
  SetLogSink({});
}

TEST_P(DescriptorLimit, ADialIsResourceExhaustedAndTheNextOneWorks) {
  Side& server = NewSide();
  Side& client = NewSide();
  Listener listener = server.Listen(FreshKey(), Echo());
  OnLoop(server.loop(), [] {});
  OnLoop(client.loop(), [] {});
  {
    const NoDescriptorsLeft none(0);
    const absl::Status sent = client.rain().SyncSend(client.protocol(), listener.bound_key(), Message::Text("?")).status();
    EXPECT_TRUE(absl::IsResourceExhausted(sent)) << sent;
  }
  const SendOptions patient = {.wait_for_ready = true};
  EXPECT_TRUE(client.rain().SyncSend(client.protocol(), listener.bound_key(), Message::Text("?"), patient).ok());
}

INSTANTIATE_TEST_SUITE_P(On, DescriptorLimit, testing::Values("tcp", "unix"), NameOf);

}  // namespace
}  // namespace rain
