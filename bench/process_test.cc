#include "listenrain/bench/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace rain::bench {
namespace {

TEST(ChildProcess, EndsAsItsBodySays) {
  absl::StatusOr<ChildProcess> good = ChildProcess::Start("good", [] { return absl::OkStatus(); });
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_TRUE(good->Wait(absl::Seconds(10)).ok());
  absl::StatusOr<ChildProcess> bad = ChildProcess::Start("bad", [] { return absl::AbortedError("on purpose"); });
  ASSERT_TRUE(bad.ok()) << bad.status();
  EXPECT_EQ(bad->Wait(absl::Seconds(10)).code(), absl::StatusCode::kInternal);
}

TEST(ChildProcess, IsKilledAndReapedWhenNobodyWaitsForIt) {
  pid_t pid = 0;
  {
    absl::StatusOr<ChildProcess> endless = ChildProcess::Start("endless", []() -> absl::Status {
      for (;;) ::pause();
    });
    ASSERT_TRUE(endless.ok()) << endless.status();
    pid = endless->pid();
    EXPECT_EQ(endless->Wait(absl::ZeroDuration()).code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(ChildProcess, TellsTheSignalThatKilledIt) {
  absl::StatusOr<ChildProcess> killed = ChildProcess::Start("killed", []() -> absl::Status {
    ::raise(SIGKILL);
    return absl::OkStatus();
  });
  ASSERT_TRUE(killed.ok()) << killed.status();
  const absl::Status ended = killed->Wait(absl::Seconds(10));
  EXPECT_EQ(ended.code(), absl::StatusCode::kInternal);
  EXPECT_NE(ended.message().find("signal 9"), absl::string_view::npos) << ended;
}

TEST(Rendezvous, CarriesTheAddressAndTheEnd) {
  absl::StatusOr<Rendezvous> meeting = Rendezvous::New();
  ASSERT_TRUE(meeting.ok()) << meeting.status();
  absl::StatusOr<ChildProcess> server = ChildProcess::Start("server", [&]() -> absl::Status {
    meeting->DropClient();
    if (absl::Status told = meeting->Announce("somewhere"); !told.ok()) return told;
    return meeting->AwaitEnd();
  });
  ASSERT_TRUE(server.ok()) << server.status();
  meeting->DropServer();
  const absl::StatusOr<std::string> address = meeting->AwaitAddress();
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(*address, "somewhere");
  EXPECT_EQ(server->Wait(absl::ZeroDuration()).code(), absl::StatusCode::kDeadlineExceeded) << "it waits for the end";
  meeting->End();
  EXPECT_TRUE(server->Wait(absl::Seconds(10)).ok());
}

TEST(Rendezvous, TellsTheClientOfAServerThatDied) {
  absl::StatusOr<Rendezvous> meeting = Rendezvous::New();
  ASSERT_TRUE(meeting.ok()) << meeting.status();
  absl::StatusOr<ChildProcess> server = ChildProcess::Start("server", [] { return absl::OkStatus(); });
  ASSERT_TRUE(server.ok()) << server.status();
  meeting->DropServer();
  EXPECT_EQ(meeting->AwaitAddress().status().code(), absl::StatusCode::kUnavailable);
}

TEST(Usage, IsToldForThisProcessAndRefusedForNone) {
  const absl::StatusOr<absl::Duration> used = ProcessorTimeOf(::getpid());
  ASSERT_TRUE(used.ok()) << used.status();
  EXPECT_GT(*used, absl::ZeroDuration());
  const absl::StatusOr<uint64_t> bytes = PeakResidentBytesOf(::getpid());
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_GT(*bytes, 1u << 20);
  const absl::StatusOr<uint64_t> anonymous = AnonymousBytesOf(::getpid());
  ASSERT_TRUE(anonymous.ok()) << anonymous.status();
  EXPECT_GT(*anonymous, 0u);
  EXPECT_LT(*anonymous, *bytes);

  absl::StatusOr<ChildProcess> gone = ChildProcess::Start("gone", [] { return absl::OkStatus(); });
  ASSERT_TRUE(gone.ok()) << gone.status();
  ASSERT_TRUE(gone->Wait(absl::Seconds(10)).ok());
  EXPECT_FALSE(ProcessorTimeOf(gone->pid()).ok());
  EXPECT_FALSE(PeakResidentBytesOf(gone->pid()).ok());
  EXPECT_FALSE(AnonymousBytesOf(gone->pid()).ok());
}

}  // namespace
}  // namespace rain::bench
