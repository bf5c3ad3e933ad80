#include "listenrain/transports/tcp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/backoff.h"
#include "listenrain/transports/generators_test.h"
#include "listenrain/transports/loopback_ports_test.h"
#include "listenrain/transports/socket_address.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {
namespace {

const TransportScheme& Tcp() {
  static const auto& scheme = *new TransportScheme(NewTcpScheme());
  return scheme;
}

int OpenDescriptors() {
  int count = 0;
  for (int fd = 0; fd < 4096; ++fd) count += fcntl(fd, F_GETFD) != -1 ? 1 : 0;
  return count;
}

TEST(Tcp, CarriesBytesOverEveryKindOfAddress) {
  for (const std::string key : {"tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://localhost:0", "tcp://[::]:0", "tcp://*:0",
                                "tcp://0.0.0.0:0?nodelay=0&keepalive=30&sndbuf=100000&rcvbuf=100000&backlog=7"}) {
    SCOPED_TRACE(key);
    DrivenLoop loop;
    auto listener = Listen(Tcp(), key);
    auto dialer = Dial(Tcp(), listener->bound_key());
    EXPECT_EQ(dialer->bound_key(), listener->bound_key());
    ConnectedPair pair = Connect(loop, *dialer, *listener);
    ExpectEcho(loop, pair);
  }
}

TEST(Tcp, TheBoundKeyHasTheRealPortAndTheOptions) {
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0?backlog=7&nodelay=1");
  const std::string text = listener->bound_key().text();
  EXPECT_EQ(text.find("tcp://127.0.0.1:"), 0u);
  EXPECT_EQ(text.find(":0?"), std::string::npos);
  EXPECT_EQ(text.substr(text.find('?')), "?backlog=7&nodelay=1");
}

TEST(Tcp, AListenerOnIpv6TakesIpv4AsWellAndNamesItSo) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://[::]:0");
  const std::string text = listener->bound_key().text();
  auto dialer = Dial(Tcp(), absl::StrCat("tcp://127.0.0.1", text.substr(text.rfind(':'))));
  ConnectedPair pair = Connect(loop, *dialer, *listener);
  EXPECT_EQ(pair.accepted->peer()->address.find("tcp://127.0.0.1:"), 0u) << pair.accepted->peer()->address;
  EXPECT_EQ(pair.dialed->peer()->address, dialer->bound_key().text());
}

TEST(Tcp, ALocalhostDialedFindsWhicheverLoopbackAnswers) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://[::1]:0");
  const std::string text = listener->bound_key().text();
  auto dialer = Dial(Tcp(), absl::StrCat("tcp://localhost", text.substr(text.rfind(':'))));
  ConnectedPair pair = Connect(loop, *dialer, *listener);
  ExpectEcho(loop, pair);
}

TEST(Tcp, AcceptedSocketsHaveTheListenersOptions) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0?keepalive=33&congestion=reno&sndbuf=50000");
  auto dialer = Dial(Tcp(), listener->bound_key());
  ConnectedPair pair = Connect(loop, *dialer, *listener);
  int ends = 0;
  for (int fd = 3; fd < 1024; ++fd) {
    SocketAddress peer;
    peer.size = sizeof(peer.storage);
    if (getpeername(fd, peer.get(), &peer.size) != 0 || peer.family() != AF_INET) continue;
    ++ends;
    const auto option = [fd](int level, int name) {
      int value = -1;
      socklen_t size = sizeof(value);
      EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
      return value;
    };
    EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 33);
    EXPECT_EQ(option(SOL_SOCKET, SO_SNDBUF), 100000) << "the kernel doubles it";
    char congestion[16] = {};
    socklen_t size = sizeof(congestion);
    EXPECT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &size), 0);
    EXPECT_STREQ(congestion, "reno");
    EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
  }
  EXPECT_EQ(ends, 2);
}

TEST(Tcp, AnAddressInUseIsAnErrorOfListen) {
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0");
  const auto second = Tcp().listen(listener->bound_key());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find(listener->bound_key().text()), absl::string_view::npos) << second.status();
}

TEST(Tcp, AnAddressMayBeSharedByListenersThatSaySo) {
  auto first = Listen(Tcp(), "tcp://127.0.0.1:0?reuseport=1");
  auto second = Listen(Tcp(), first->bound_key());
  EXPECT_EQ(first->bound_key(), second->bound_key());
  const std::string text = first->bound_key().text();
  EXPECT_TRUE(absl::IsUnavailable(Tcp().listen(text.substr(0, text.find('?'))).status())) << "one that does not say so";
}

TEST(Tcp, APortMayBeListenedOnAgainRightAway) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0");
  const TransportKey key = listener->bound_key();
  auto dialer = Dial(Tcp(), key);
  ConnectedPair pair = Connect(loop, *dialer, *listener);
  pair.accepted.reset();  // the active close: its end of the connection lingers in TIME_WAIT
  pair.dialed.reset();
  listener.reset();
  EXPECT_TRUE(Tcp().listen(key).ok());
}

TEST(Tcp, NobodyListeningIsUnavailableAndSaysWhere) {
  DrivenLoop loop;
  SilentPort port;
  auto dialer = Dial(Tcp(), port.key);
  const auto outcome = Next(loop, *dialer);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(outcome.status().message().find(port.key), absl::string_view::npos) << outcome.status();
  EXPECT_LE(*dialer->RetryAfter(outcome.status(), absl::ZeroDuration()), BackoffOptions{}.first);
  // It may be asked again, and finds the listener that came meanwhile.
  ASSERT_EQ(listen(port.socket.get(), 1), 0);
  EXPECT_TRUE(Next(loop, *dialer).ok());
}

TEST(Tcp, AConnectThatNobodyAnswersEndsByItsTimeout) {
  DrivenLoop loop;
  BlackHole hole;
  auto dialer = Dial(Tcp(), hole.key + "?connect_timeout=30");
  const auto outcome = Next(loop, *dialer);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(outcome.status().message().find("connect_timeout"), absl::string_view::npos) << outcome.status();
}

TEST(Tcp, ADestroyedDialerForgetsItsConnect) {
  DrivenLoop loop;
  BlackHole hole;
  const int before = OpenDescriptors();
  auto dialer = Dial(Tcp(), hole.key);
  auto captured = std::make_shared<int>(0);
  dialer->Next(*loop, [captured](ChannelOutcome) { ADD_FAILURE() << "called"; });
  loop.RunReady();
  EXPECT_EQ(OpenDescriptors(), before + 1);
  dialer.reset();
  EXPECT_EQ(captured.use_count(), 1);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(Tcp, ADestroyedListenerForgetsWhoAsked) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0");
  auto captured = std::make_shared<int>(0);
  listener->Next(*loop, [captured](ChannelOutcome) { ADD_FAILURE() << "called"; });
  loop.RunReady();
  listener.reset();
  EXPECT_EQ(captured.use_count(), 1);
  loop.RunReady();
}

TEST(Tcp, GeneratorsMayBeDestroyedInsideTheirOwnOutcome) {
  DrivenLoop loop;
  SilentPort port;
  for (const bool succeeds : {false, true}) {
    auto listener = Listen(Tcp(), "tcp://127.0.0.1:0");
    auto dialer = Dial(Tcp(), succeeds ? listener->bound_key() : TransportKey(port.key));
    int outcomes = 0;
    listener->Next(*loop, [&](ChannelOutcome) {
      listener.reset();
      ++outcomes;
    });
    dialer->Next(*loop, [&](ChannelOutcome outcome) {
      EXPECT_EQ(outcome.ok(), succeeds);
      dialer.reset();
      ++outcomes;
    });
    loop.RunUntil([&] { return outcomes == (succeeds ? 2 : 1); });
  }
}

TEST(Tcp, PeersWaitInTheBacklogUntilTheyAreAskedFor) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0");
  auto dialer = Dial(Tcp(), listener->bound_key());
  ConnectedPair first = Connect(loop, *dialer, *listener);
  auto second = Next(loop, *dialer);  // nobody asks the listener for it
  ASSERT_TRUE(second.ok());
  auto third = Next(loop, *dialer);
  ASSERT_TRUE(third.ok());
  EXPECT_TRUE(Next(loop, *listener).ok());
  EXPECT_TRUE(Next(loop, *listener).ok());
}

TEST(Tcp, WithoutDescriptorsAListenerBacksOffAndRecovers) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0");
  auto dialer = Dial(Tcp(), listener->bound_key());
  auto dialed = Next(loop, *dialer);
  ASSERT_TRUE(dialed.ok());
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(OpenDescriptors()) + 8;
  std::vector<UniqueFd> hoard;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  for (int fd; (fd = dup(0)) >= 0;) hoard.emplace_back(fd);

  absl::Duration pause = absl::ZeroDuration();
  for (int attempt = 0; attempt < 20; ++attempt) {
    // By hand, without RunUntil's timer: a sanitizer wants descriptors of its own to look at new objects.
    absl::Status refused;
    listener->Next(*loop, [&](ChannelOutcome outcome) { refused = outcome.status(); });
    for (int turn = 0; turn < 100 && refused.ok(); ++turn) uv_run(loop.uv(), UV_RUN_NOWAIT);
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
    const auto longer = listener->RetryAfter(refused, absl::ZeroDuration());
    ASSERT_TRUE(longer.has_value());
    EXPECT_GE(*longer, std::max(pause, absl::Milliseconds(1)));
    EXPECT_LE(*longer, absl::Seconds(1));
    pause = *longer;
  }
  hoard.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  // While nobody asks, the peer that waits does not keep the loop busy.
  EXPECT_LE(loop.TurnsWhileIdle(), 5);
  EXPECT_TRUE(Next(loop, *listener).ok());
  EXPECT_LT(*listener->RetryAfter(absl::ResourceExhaustedError(""), absl::ZeroDuration()), pause) << "it starts anew";
}

TEST(Tcp, AThousandChannelsLeaveNoDescriptorBehind) {
  DrivenLoop loop;
  auto listener = Listen(Tcp(), "tcp://127.0.0.1:0");
  auto dialer = Dial(Tcp(), listener->bound_key());
  ConnectedPair warm = Connect(loop, *dialer, *listener);
  warm = {};
  const int before = OpenDescriptors();
  for (int i = 0; i < 1000; ++i) {
    ConnectedPair pair = Connect(loop, *dialer, *listener);
    ASSERT_NE(pair.dialed, nullptr);
    RecordingEvents dialing, accepting;
    pair.dialed->Start(*loop, dialing);
    pair.accepted->Start(*loop, accepting);
    if (i % 2 == 0) {
      pair.dialed->Close(absl::CancelledError("done"));
      loop.RunUntil([&] { return accepting.ends == 1; });
    }
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(Tcp, SaysWhatIsWrongWithAKey) {
  const struct {
    std::string key;
    std::string named;
  } cases[] = {
      {"tcp://127.0.0.1", "no port"},
      {"tcp://127.0.0.1:", "port"},
      {"tcp://127.0.0.1:99999", "port"},
      {"tcp://127.0.0.1:http", "port"},
      {"tcp://:80", "no host"},
      {"tcp://[]:80", "no host"},
      {"tcp://::1:80", "brackets"},
      {"tcp://[::1]", "port"},
      {"tcp://127.0.0.1:1?nodelay=2", "nodelay"},
      {"tcp://127.0.0.1:1?nodelay=yes", "nodelay"},
      {"tcp://127.0.0.1:1?keepalive=-1", "keepalive"},
      {"tcp://127.0.0.1:1?sndbuf=99999999999", "sndbuf"},
      {"tcp://127.0.0.1:1?connect_timeout=0", "connect_timeout"},
      {"tcp://127.0.0.1:1?congestion=no_such", "no_such"},
      {"tcp://127.0.0.1:1?mode=600", "mode"},
  };
  for (const auto& wrong : cases) {
    for (const auto& function : {Tcp().dial, Tcp().listen}) {
      const auto made = function(wrong.key);
      EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << wrong.key << ": " << made.status();
      EXPECT_NE(made.status().message().find(wrong.named), absl::string_view::npos) << made.status();
      EXPECT_NE(made.status().message().find(wrong.key.substr(6, 5)), absl::string_view::npos) << made.status();
    }
  }
  EXPECT_EQ(Tcp().dial("tcp://127.0.0.1:0").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace rain
