// Real signals, sent to a child: this program once more, where one of the scenarios below is the only test that runs.
#include "listenrain/transports/shutdown_signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/handover.h"
#include "listenrain/listenrain.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {
namespace {

constexpr int kReportFd = 9;  // of a child: to its parent

// A child's words to its parent: one a line.
void Say(const std::string& word) {
  const std::string line = word + "\n";
  if (write(kReportFd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

class Child {
 public:
  // `scenario`: a test of ShutdownSignalsChild.
  explicit Child(const std::string& scenario) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    from_ = UniqueFd(ends[0]);
    const UniqueFd to(ends[1]);
    std::string filter = absl::StrCat("--gtest_filter=ShutdownSignalsChild.DISABLED_", scenario);
    std::string also = "--gtest_also_run_disabled_tests";
    std::string name = "shutdown-signals-child";
    char* const arguments[] = {name.data(), filter.data(), also.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to.get(), kReportFd);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;  // signals as in a terminal, wherever this test runs
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    EXPECT_EQ(posix_spawn(&pid_, "/proc/self/exe", &actions, &attributes, arguments, environ), 0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Child() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    End();
  }

  // Its next word; empty once it has ended.
  std::string Hear() {
    std::string word;
    for (char c; read(from_.get(), &c, 1) == 1 && c != '\n';) word += c;
    return word;
  }
  void Send(int signal) { EXPECT_EQ(kill(pid_, signal), 0); }
  // How it ended, as waitpid has it.
  int End() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_ = 0;
  UniqueFd from_;
};

bool EndedBy(int status, int signal) { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
bool EndedWell(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

// A server with one handler, which answers when the drain has begun.
TEST(ShutdownSignalsChild, DISABLED_Serves) {
  const auto rain = NewListenRain().value();
  const auto protocol = RegisterMessages(*rain).value();
  Handover<int> draining;
  Router<Message> router;
  router.Otherwise([&](Message message, CallContext, Responder<Message> responder) {
    Say("asked");
    draining.Take();
    responder.Reply(message).IgnoreError();
  });
  const auto listener = rain->Listen(protocol, "tcp://127.0.0.1:0", std::move(router)).value();
  const auto signals = CatchShutdownSignals([&](int signal) {
                         Say(absl::StrCat("signal ", signal));
                         draining.Put(0);
                         rain->Drain(absl::Seconds(60));
                         Say("drained");
                       }).value();
  Say(listener.bound_key().text());
  signals->Wait();
  Say("over");
}

TEST(ShutdownSignals, AServerDrainsAndEndsWell) {
  Child child("Serves");
  const TransportKey key = child.Hear();
  const auto rain = NewListenRain().value();
  const auto protocol = RegisterMessages(*rain).value();
  Handover<absl::StatusOr<Message>> reply;
  ASSERT_TRUE(
      rain->Send(protocol, key, Message::Text("last"), [&](absl::StatusOr<Message> outcome) { reply.Put(std::move(outcome)); })
          .ok());
  ASSERT_EQ(child.Hear(), "asked");
  child.Send(SIGTERM);
  EXPECT_EQ(child.Hear(), absl::StrCat("signal ", SIGTERM));
  const absl::StatusOr<Message> outcome = reply.Take();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->text(), "last");
  EXPECT_EQ(child.Hear(), "drained");
  EXPECT_EQ(child.Hear(), "over");
  EXPECT_TRUE(EndedWell(child.End()));
}

// Its call never returns.
TEST(ShutdownSignalsChild, DISABLED_Hangs) {
  Handover<int> never;
  const auto signals = CatchShutdownSignals([&](int signal) {
                         Say(absl::StrCat("signal ", signal));
                         never.Take();
                       }).value();
  Say("ready");
  signals->Wait();
}

TEST(ShutdownSignals, ASecondSignalOfEitherKindEndsAtOnce) {
  for (const auto& [first, second] : {std::pair(SIGTERM, SIGINT), std::pair(SIGINT, SIGINT)}) {
    Child child("Hangs");
    ASSERT_EQ(child.Hear(), "ready");
    child.Send(first);
    ASSERT_EQ(child.Hear(), absl::StrCat("signal ", first));
    child.Send(second);
    EXPECT_EQ(child.Hear(), "");
    EXPECT_TRUE(EndedBy(child.End(), second));
  }
}

TEST(ShutdownSignalsChild, DISABLED_IgnoresOneAndBlocksTheOther) {
  signal(SIGINT, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const auto signals = CatchShutdownSignals([](int signal) { Say(absl::StrCat("signal ", signal)); }).value();
  raise(SIGINT);
  Say("ready");
  signals->Wait();
}

TEST(ShutdownSignals, WhatIsIgnoredStaysSoAndWhatIsBlockedIsTakenNevertheless) {
  Child child("IgnoresOneAndBlocksTheOther");
  ASSERT_EQ(child.Hear(), "ready");
  child.Send(SIGTERM);
  EXPECT_EQ(child.Hear(), absl::StrCat("signal ", SIGTERM));
  EXPECT_EQ(child.Hear(), "");
  EXPECT_TRUE(EndedWell(child.End()));
}

TEST(ShutdownSignalsChild, DISABLED_CatchesNoLonger) {
  for (int i = 0; i < 3; ++i) (void)CatchShutdownSignals([](int) { Say("told"); }).value();
  Say("ready");
  Handover<int>().Take();
}

TEST(ShutdownSignals, OnceDestroyedTheyAreWhatTheyWere) {
  Child child("CatchesNoLonger");
  ASSERT_EQ(child.Hear(), "ready");
  child.Send(SIGTERM);
  EXPECT_EQ(child.Hear(), "");
  EXPECT_TRUE(EndedBy(child.End(), SIGTERM));
}

TEST(ShutdownSignalsChild, DISABLED_EndsThemInTheirOwnCall) {
  Handover<std::unique_ptr<ShutdownSignals>> mine;
  Handover<int> done;
  mine.Put(CatchShutdownSignals([&](int) {
             mine.Take().reset();
             done.Put(0);
           }).value());
  Say("ready");
  done.Take();
}

TEST(ShutdownSignals, MayBeDestroyedInTheirOwnCall) {
  Child child("EndsThemInTheirOwnCall");
  ASSERT_EQ(child.Hear(), "ready");
  child.Send(SIGINT);
  EXPECT_TRUE(EndedWell(child.End()));
}

TEST(ShutdownSignals, AreCaughtOnceInAProcess) {
  const auto first = CatchShutdownSignals([](int) {});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = CatchShutdownSignals([](int) {});
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
}

TEST(ShutdownSignals, ASignalThatCannotBeCaughtIsAnErrorAndTheOthersAreLeftAlone) {
  const auto caught = CatchShutdownSignals([](int) {}, {SIGUSR2, SIGKILL});
  EXPECT_EQ(caught.status().code(), absl::StatusCode::kInvalidArgument) << caught.status();
  struct sigaction present = {};
  ASSERT_EQ(sigaction(SIGUSR2, nullptr, &present), 0);
  EXPECT_TRUE(present.sa_handler == SIG_DFL);
  EXPECT_TRUE(CatchShutdownSignals([](int) {}, {SIGUSR2}).ok());
}

}  // namespace
}  // namespace rain
