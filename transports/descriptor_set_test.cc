#include "listenrain/transports/descriptor_set.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/log.h"

namespace rain {
namespace {

UniqueFd NewReadable() {
  UniqueFd fd(eventfd(1, EFD_CLOEXEC));
  EXPECT_TRUE(fd);
  return fd;
}

class DescriptorSetTest : public testing::Test {
 protected:
  DescriptorSetTest() { EXPECT_TRUE(set_.Open().ok()); }
  ~DescriptorSetTest() override { set_.EndAll(); }

  std::unique_ptr<Watch> WatchRead(const UniqueFd& fd, WatchCallback callback) {
    auto watch = set_.New(fd.get(), std::move(callback));
    EXPECT_TRUE(watch.ok()) << watch.status();
    (*watch)->Want(true, false);
    return *std::move(watch);
  }
  size_t AskAndTell() { return set_.Ask(0) ? set_.Tell() : 0; }

  DescriptorSet set_;
};

TEST_F(DescriptorSetTest, MoreThanOneAskFindsAreToldInTurn) {
  constexpr size_t kMany = 700;
  std::vector<UniqueFd> fds;
  std::vector<std::unique_ptr<Watch>> watches;
  size_t told = 0;
  for (size_t i = 0; i < kMany; ++i) {
    fds.push_back(NewReadable());
    watches.push_back(nullptr);
    watches[i] = WatchRead(fds[i], [&, i](Readiness ready) {
      EXPECT_TRUE(ready.readable && !ready.writable && !ready.error);
      watches[i]->Want(false, false);
      ++told;
    });
  }
  size_t asks = 0;
  while (AskAndTell() > 0) ++asks;
  EXPECT_EQ(told, kMany);
  EXPECT_LE(asks, 3u);
}

TEST_F(DescriptorSetTest, OfTwoThatAreReadyTheOneThatTheOtherEndedIsNotTold) {
  const UniqueFd fds[] = {NewReadable(), NewReadable()};
  std::unique_ptr<Watch> watches[2];
  int told = 0;
  for (const size_t i : {0, 1}) {
    watches[i] = WatchRead(fds[i], [&, i](Readiness) {
      ++told;
      watches[1 - i] = nullptr;
    });
  }
  EXPECT_EQ(AskAndTell(), 1u);
  EXPECT_EQ(told, 1);
}

TEST_F(DescriptorSetTest, AnErrorWhereNothingIsWantedIsFoundOnceAndToldWhenSomethingIs) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  int errors = 0;
  const auto watch = set_.New(writer.get(), [&](Readiness ready) { errors += ready.error && ready.writable ? 1 : 0; }).value();
  reader.reset();
  EXPECT_TRUE(set_.Ask(0));
  EXPECT_EQ(set_.Tell(), 0u);
  EXPECT_FALSE(set_.Ask(0)) << "a loop would not sleep";
  watch->Want(false, true);
  EXPECT_EQ(AskAndTell(), 1u);
  EXPECT_EQ(AskAndTell(), 1u) << "again and again";
  EXPECT_EQ(errors, 2);
  watch->Want(false, false);
  AskAndTell();
  EXPECT_FALSE(set_.Ask(0));
}

// The other descriptor of the same pipe keeps epoll's entry of the closed one.
TEST_F(DescriptorSetTest, OfADescriptorThatWasClosedBeforeItsWatchNobodyIsTold) {
  std::vector<std::string> logged;
  SetLogSink(
      [&](Severity, absl::string_view where, absl::string_view text) { logged.push_back(absl::StrCat(where, ": ", text)); });
  UniqueFd closed = NewReadable();
  const UniqueFd other(dup(closed.get()));
  auto watch = WatchRead(closed, [](Readiness) { ADD_FAILURE(); });
  closed.reset();
  watch = nullptr;
  SetLogSink({});
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_NE(logged[0].find("closed before its watch ended"), std::string::npos) << logged[0];
  EXPECT_TRUE(set_.Ask(0));
  EXPECT_EQ(set_.Tell(), 0u);
  int told = 0;
  const UniqueFd next = NewReadable();
  const auto anew = WatchRead(next, [&](Readiness) { ++told; });
  EXPECT_EQ(AskAndTell(), 1u);
  EXPECT_EQ(told, 1);
}

TEST_F(DescriptorSetTest, ASetMayBeWatchedByAnother) {
  const UniqueFd fd = NewReadable();
  DescriptorSet outer;
  ASSERT_TRUE(outer.Open().ok());
  int told = 0;
  const auto watch = WatchRead(fd, [&](Readiness) { ++told; });
  const auto of_set = outer.New(set_.fd(), [&](Readiness) { EXPECT_EQ(AskAndTell(), 1u); }).value();
  EXPECT_FALSE(outer.Ask(0));
  of_set->Want(true, false);
  ASSERT_TRUE(outer.Ask(-1));
  EXPECT_EQ(outer.Tell(), 1u);
  EXPECT_EQ(told, 1);
  watch->Want(false, false);
  EXPECT_FALSE(outer.Ask(0)) << "nothing is ready for what is wanted";
  outer.EndAll();
}

// As of an object that is held by what it waits for alone.
TEST_F(DescriptorSetTest, WhatAWatchsOwnCallbackHoldsEndsWithTheSet) {
  struct Self {
    std::unique_ptr<Watch> watch;
  };
  const UniqueFd fd = NewReadable();
  auto self = std::make_shared<Self>();
  const std::weak_ptr<Self> alive = self;
  self->watch = WatchRead(fd, [self](Readiness) {});
  self = nullptr;
  EXPECT_FALSE(alive.expired());
  set_.EndAll();
  EXPECT_TRUE(alive.expired());
}

TEST_F(DescriptorSetTest, OnceItHasEndedWatchesAreSilentAndThereAreNoNewOnes) {
  const UniqueFd fd = NewReadable();
  const auto watch = WatchRead(fd, [](Readiness) { ADD_FAILURE(); });
  ASSERT_TRUE(set_.Ask(0));
  set_.EndAll();
  EXPECT_EQ(set_.Tell(), 0u);
  watch->Want(true, false);
  EXPECT_FALSE(set_.Ask(0));
  const absl::Status status = set_.New(fd.get(), [](Readiness) {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
}

}  // namespace
}  // namespace rain
