#include "listenrain/transports/readiness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "listenrain/framework/callback_task_test.h"
#include "listenrain/framework/log.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/transports/driven_loop_test.h"
#include "listenrain/transports/unique_fd.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

std::pair<UniqueFd, UniqueFd> SocketPair() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::unique_ptr<Watch> WatchIt(Loop& loop, int fd, WatchCallback callback) {
  auto watch = WatchDescriptor(loop, fd, std::move(callback));
  EXPECT_TRUE(watch.ok()) << watch.status();
  return watch.ok() ? *std::move(watch) : nullptr;
}

TEST(Readiness, TellsWhatIsWantedAndReadyAgainAndAgain) {
  DrivenLoop loop;
  auto [ours, theirs] = SocketPair();
  int readable = 0;
  int writable = 0;
  auto watch = WatchIt(*loop, ours.get(), [&](Readiness ready) {
    readable += ready.readable ? 1 : 0;
    writable += ready.writable ? 1 : 0;
    EXPECT_FALSE(ready.error);
  });
  EXPECT_TRUE(fcntl(ours.get(), F_GETFL) & O_NONBLOCK);
  ASSERT_EQ(write(theirs.get(), "x", 1), 1);
  loop.RunReady();
  EXPECT_EQ(readable + writable, 0) << "nothing was wanted";
  watch->Want(true, false);
  loop.RunUntil([&] { return readable >= 3; });
  EXPECT_EQ(writable, 0);
  watch->Want(false, true);
  const int before = readable;
  loop.RunUntil([&] { return writable >= 3; });
  EXPECT_EQ(readable, before);
  watch->Want(false, false);
  const int total = readable + writable;
  loop.RunReady();
  EXPECT_EQ(readable + writable, total);
}

TEST(Readiness, AnErrorComesWithAllThatWasWantedAndOnlyWhileSomethingIs) {
  DrivenLoop loop;
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  int errors = 0;
  auto watch = WatchIt(*loop, writer.get(), [&](Readiness ready) {
    if (!ready.error) return;
    EXPECT_TRUE(ready.writable);
    ++errors;
  });
  watch->Want(false, true);
  reader.reset();
  loop.RunUntil([&] { return errors >= 3; });
  watch->Want(false, false);
  const int before = errors;
  loop.RunReady();
  EXPECT_EQ(errors, before);
}

TEST(Readiness, AWatchMayBeDestroyedInItsOwnCallbackAndTheDescriptorClosed) {
  DrivenLoop loop;
  auto [ours, theirs] = SocketPair();
  int calls = 0;
  std::unique_ptr<Watch> watch;
  auto capture = std::make_shared<int>(0);
  watch = WatchIt(*loop, ours.get(), [&, &closed = ours, capture](Readiness) {
    ++calls;
    watch.reset();
    closed.reset();
    EXPECT_EQ(capture.use_count(), 2) << "the callback lives until it returns";
  });
  watch->Want(true, true);
  loop.RunUntil([&] { return calls > 0; });
  loop.RunReady();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(capture.use_count(), 1);
}

TEST(Readiness, AClosedDescriptorsNumberCanBeWatchedAnew) {
  DrivenLoop loop;
  for (int round = 0; round < 3; ++round) {
    auto [ours, theirs] = SocketPair();
    int readable = 0;
    auto watch = WatchIt(*loop, ours.get(), [&](Readiness) { ++readable; });
    watch->Want(true, false);
    loop.RunReady();
    EXPECT_EQ(readable, 0);
    ASSERT_EQ(write(theirs.get(), "x", 1), 1);
    loop.RunUntil([&] { return readable > 0; });
    watch.reset();
  }
}

TEST(Readiness, WhatACallbackThrowsIsLoggedAndTheLoopGoesOn) {
  std::string logged;
  SetLogSink([&](Severity, absl::string_view, absl::string_view text) { logged = std::string(text); });
  {
    DrivenLoop loop;
    auto [ours, theirs] = SocketPair();
    int calls = 0;
    auto watch = WatchIt(*loop, ours.get(), [&](Readiness) {
      if (++calls == 1) throw std::runtime_error("thrown by a test");
    });
    watch->Want(false, true);
    loop.RunUntil([&] { return calls >= 2; });
  }
  SetLogSink({});
  EXPECT_EQ(logged, "thrown by a test");
}

TEST(Readiness, WhatACallbackAsksForATurnsEndRunsInTheSameTurn) {
  DrivenLoop loop;
  auto [ours, theirs] = SocketPair();
  bool called = false;
  bool ended = false;
  CallbackTask end([&] { ended = true; });
  auto watch = WatchIt(*loop, ours.get(), [&](Readiness) {
    called = true;
    loop->AtTurnEnd(end);
  });
  watch->Want(false, true);
  for (int turn = 0; turn < 100 && !called; ++turn) loop.RunTurn();
  EXPECT_TRUE(called);
  EXPECT_TRUE(ended);
}

TEST(Readiness, TheTurnsTimeIsNotFromBeforeItSlept) {
  auto loop = NewUvLoop().value();
  auto [ours, theirs] = SocketPair();
  std::unique_ptr<Watch> watch;
  std::promise<Instant> woken;
  std::promise<void> watching;
  loop->Run([&, fd = ours.get()] {
    watch = WatchIt(*loop, fd, [&](Readiness) {
      watch.reset();
      woken.set_value(loop->now());
    });
    watch->Want(true, false);
    watching.set_value();
  });
  watching.get_future().wait();
  const Instant before = loop->clock().Now();
  ASSERT_EQ(write(theirs.get(), "x", 1), 1);
  EXPECT_GE(woken.get_future().get(), before);
}

TEST(Readiness, AWatchThatOutlivesItsLoopIsSilent) {
  auto [ours, theirs] = SocketPair();
  std::unique_ptr<Watch> watch;
  {
    DrivenLoop loop;
    watch = WatchIt(*loop, ours.get(), [](Readiness) { ADD_FAILURE(); });
  }
  watch->Want(true, true);
  watch.reset();
}

TEST(Readiness, SaysWhatCannotBeWatched) {
  DrivenLoop loop;
  auto [ours, theirs] = SocketPair();
  const auto code_of = [](Loop& on, int fd) { return WatchDescriptor(on, fd, [](Readiness) {}).status().code(); };

  ManualLoop manual;
  EXPECT_EQ(code_of(manual, ours.get()), absl::StatusCode::kFailedPrecondition);

  auto watch = WatchIt(*loop, ours.get(), [](Readiness) {});
  EXPECT_EQ(code_of(*loop, ours.get()), absl::StatusCode::kFailedPrecondition);
  watch.reset();
  EXPECT_EQ(code_of(*loop, ours.get()), absl::StatusCode::kOk);

  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(code_of(*loop, fileno(file)), absl::StatusCode::kInvalidArgument);
  std::fclose(file);

  const int closed = ours.get();
  ours.reset();
  EXPECT_EQ(code_of(*loop, closed), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(*loop, -1), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace rain
