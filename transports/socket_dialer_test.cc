#include "listenrain/transports/socket_dialer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "listenrain/transports/generators_test.h"
#include "listenrain/transports/loopback_ports_test.h"
#include "listenrain/transports/socket_address.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

SocketAttempt AnAttempt() {
  SocketAttempt attempt;
  attempt.configure = [](int) { return absl::OkStatus(); };
  attempt.peer = [](int, const SocketAddress&) { return PeerInfo{}; };
  return attempt;
}

// What the dialer of a test plans. A plan is a plain function.
absl::StatusOr<SocketAttempt> planned = AnAttempt();
std::string planned_for;

absl::StatusOr<SocketAttempt> Plan(const TransportKey& key) {
  planned_for = key.text();
  return planned;
}

// One at a time.
std::unique_ptr<ChannelGenerator> NewDialer(const SocketAttempt& attempt, const std::string& key = "tcp://name:1") {
  planned = attempt;
  return NewSocketDialer(key, &Plan).value();
}

TEST(SocketDialer, TriesEachAddressInTurnAndTellsOfAllThatFailed) {
  DrivenLoop loop;
  SilentPort silent, other;
  SocketAttempt attempt = AnAttempt();
  attempt.look_up = [&]() -> Lookup::Addresses { return std::vector<SocketAddress>{silent.address, other.address}; };
  auto dialer = NewDialer(attempt);
  const auto refused = Next(loop, *dialer);
  const absl::string_view text = refused.status().message();
  EXPECT_NE(text.find(InternetAddressText(silent.address)), absl::string_view::npos) << text;
  EXPECT_NE(text.find(InternetAddressText(other.address)), absl::string_view::npos) << text;
  ASSERT_EQ(listen(other.socket.get(), 1), 0);
  EXPECT_TRUE(Next(loop, *dialer).ok());
}

// Of what the attempt may last, each address has its share.
TEST(SocketDialer, AnAddressThatDoesNotAnswerLeavesTimeForTheNext) {
  DrivenLoop loop;
  BlackHole hole;
  SilentPort open;
  ASSERT_EQ(listen(open.socket.get(), 1), 0);
  SocketAttempt attempt = AnAttempt();
  attempt.timeout = absl::Milliseconds(200);
  attempt.look_up = [&]() -> Lookup::Addresses { return std::vector<SocketAddress>{hole.address, open.address}; };
  EXPECT_TRUE(Next(loop, *NewDialer(attempt)).ok());
}

TEST(SocketDialer, AddressesOfWhichNoneAnswersTakeNoLongerThanTheAttemptMay) {
  DrivenLoop loop;
  BlackHole one, other;
  SocketAttempt attempt = AnAttempt();
  attempt.timeout = absl::Milliseconds(40);
  attempt.look_up = [&]() -> Lookup::Addresses { return std::vector<SocketAddress>{one.address, other.address}; };
  const Instant begun = loop->clock().Now();
  const auto outcome = Next(loop, *NewDialer(attempt));
  EXPECT_GE(loop->clock().Now() - begun, attempt.timeout);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  for (const BlackHole* hole : {&one, &other}) {
    const absl::string_view text = outcome.status().message();
    EXPECT_NE(text.find(InternetAddressText(hole->address)), absl::string_view::npos) << text;
  }
}

TEST(SocketDialer, ANameThatCannotBeResolvedIsUnavailable) {
  DrivenLoop loop;
  SocketAttempt attempt = AnAttempt();
  attempt.look_up = []() -> Lookup::Addresses { return absl::UnavailableError("no such name"); };
  const auto outcome = Next(loop, *NewDialer(attempt));
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(outcome.status().message(), "tcp://name:1: no such name");
}

TEST(SocketDialer, AResolverThatHangsHoldsUpNeitherTheTimeoutNorTheEnd) {
  auto release = std::make_shared<std::promise<void>>();
  std::promise<void> returned;
  SocketAttempt attempt = AnAttempt();
  attempt.timeout = absl::Milliseconds(20);
  attempt.look_up = [&returned, hung = release->get_future().share(),
                     calls = std::make_shared<std::atomic<int>>(0)]() -> Lookup::Addresses {
    hung.wait();
    if (++*calls == 2) returned.set_value();
    return std::vector<SocketAddress>();
  };
  {
    DrivenLoop loop;
    auto dialer = NewDialer(attempt);
    const auto outcome = Next(loop, *dialer);
    EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(outcome.status().message().find("resolved"), absl::string_view::npos) << outcome.status();
    auto captured = std::make_shared<int>(0);
    dialer->Next(*loop, [captured](ChannelOutcome) { ADD_FAILURE() << "called"; });
    dialer.reset();
    EXPECT_EQ(captured.use_count(), 1);
  }
  release->set_value();  // the threads come back to a loop that is gone
  returned.get_future().wait();
}

TEST(SocketDialer, ASocketConnectedToItselfIsRefused) {
  DrivenLoop loop;
  SocketAddress address;
  std::string key;
  {
    SilentPort port;
    address = port.address;
    key = port.key;
  }
  SocketAttempt attempt = AnAttempt();
  attempt.addresses = {address};
  attempt.configure = [&](int fd) {
    EXPECT_EQ(bind(fd, address.get(), address.size), 0);  // what the system does by chance, now and then
    return absl::OkStatus();
  };
  EXPECT_EQ(Next(loop, *NewDialer(attempt, key)).status().code(), absl::StatusCode::kUnavailable);
}

// Outcomes that are known at once, at the turn's end; of a socket that was watched; of a look-up; and of the limit.
std::vector<SocketAttempt> AttemptsOfEveryEnd(const SocketAddress& nobody, const SocketAddress& hole) {
  std::vector<SocketAttempt> attempts(4, AnAttempt());
  attempts[0].configure = [](int) { return absl::UnavailableError("not with this one"); };
  attempts[0].addresses = {nobody};
  attempts[1].addresses = {nobody};
  attempts[2].look_up = []() -> Lookup::Addresses { return absl::UnavailableError("no such name"); };
  attempts[3].addresses = {hole};
  attempts[3].timeout = absl::Milliseconds(5);
  return attempts;
}

TEST(SocketDialer, WhoIsToldMayAskAgainOrEndTheDialer) {
  DrivenLoop loop;
  SilentPort silent;
  BlackHole hole;
  for (const SocketAttempt& attempt : AttemptsOfEveryEnd(silent.address, hole.address)) {
    std::unique_ptr<ChannelGenerator> dialer = NewDialer(attempt);
    int told = 0;
    dialer->Next(*loop, [&](const ChannelOutcome& outcome) {
      EXPECT_FALSE(outcome.ok());
      ++told;
      dialer->Next(*loop, [&, first = outcome.status()](const ChannelOutcome& second) {
        EXPECT_EQ(second.status(), first);
        ++told;
        dialer.reset();
      });
      EXPECT_EQ(told, 1) << "told inside Next";
    });
    loop.RunUntil([&] { return told == 2; });
    EXPECT_EQ(dialer, nullptr);
  }
}

TEST(SocketDialer, APlanThatFailsIsAnOutcome) {
  DrivenLoop loop;
  const auto dialer = NewSocketDialer(TransportKey("tcp://name:1"), &Plan);
  ASSERT_TRUE(dialer.ok()) << dialer.status();
  planned_for.clear();
  planned = absl::InvalidArgumentError("no such plan");
  EXPECT_EQ(Next(loop, **dialer).status(), absl::InvalidArgumentError("no such plan"));
  EXPECT_EQ(planned_for, "tcp://name:1");
}

TEST(SocketDialer, WaitsAsLongAsItsKeySays) {
  DrivenLoop loop;
  const absl::Status down = absl::UnavailableError("down");
  SocketAttempt attempt = AnAttempt();
  attempt.look_up = [down]() -> Lookup::Addresses { return down; };
  const auto dialer = NewDialer(attempt, "tcp://name:1?backoff=1&backoff_max=2");
  EXPECT_FALSE(Next(loop, *dialer).ok());
  absl::Duration longest;
  for (int i = 0; i < 100; ++i) longest = std::max(longest, *dialer->RetryAfter(down, absl::ZeroDuration()));
  EXPECT_LE(longest, absl::Milliseconds(2));
  EXPECT_GT(longest, absl::Milliseconds(1)) << "the later waits are longer";
}

TEST(SocketDialer, ABackoffThatIsNoneIsToldAtOnce) {
  EXPECT_TRUE(absl::IsInvalidArgument(NewSocketDialer(TransportKey("tcp://name:1?backoff=soon"), &Plan).status()));
}

TEST(SystemError, GivesOneMeaningToEachErrorAndTakesLibuvsNegativesAlike) {
  EXPECT_EQ(SystemError(ECONNREFUSED, "w", "o").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SystemError(-ECONNRESET, "w", "o").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SystemError(EADDRINUSE, "w", "o").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SystemError(ETIMEDOUT, "w", "o").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SystemError(-EMFILE, "w", "o").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(SystemError(EACCES, "w", "o").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(SystemError(EINVAL, "w", "o").code(), absl::StatusCode::kInvalidArgument);
  const absl::Status status = SystemError(EMFILE, "tcp://1.2.3.4:5", "accept");
  EXPECT_EQ(status.message().find("tcp://1.2.3.4:5: accept: Too many open files ("), 0u) << status;
}

}  // namespace
}  // namespace rain
