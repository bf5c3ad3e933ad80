#include "listenrain/framework/stat_machine_pool.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace rain {
namespace {

class StatMachinePoolTest : public testing::Test {
 protected:
  Outgoing& NewRequest(StatMachinePool& pool) {
    Outgoing& request = nodes_.NewInLoop();
    pool.Add(request);
    return request;
  }
  void End(Outgoing& request) {
    OutgoingPool::Retire(request);
    nodes_.RecycleInLoop(request);
  }

  OutgoingPool nodes_;
  std::unique_ptr<StatMachinePool> pool_ = NewStatMachinePool(nodes_);
};

TEST_F(StatMachinePoolTest, ARequestIsFoundByItsOwnTokenAsId) {
  Outgoing& request = NewRequest(*pool_);
  EXPECT_EQ(pool_->Pop(MsgId(request.token)), nullptr) << "not bound yet";
  ASSERT_TRUE(pool_->Bind(request, MsgId(request.token)).ok());
  EXPECT_EQ(pool_->Pop(MsgId(request.token)), &request);
  EXPECT_EQ(pool_->Pop(MsgId(request.token)), nullptr) << "popped twice";
  EXPECT_EQ(pool_->size(), 0u);
  End(request);
}

TEST_F(StatMachinePoolTest, ALateIdDoesNotFindWhoHasTheSlotNow) {
  Outgoing& first = NewRequest(*pool_);
  const Token old = first.token;
  ASSERT_TRUE(pool_->Bind(first, MsgId(old)).ok());
  ASSERT_EQ(pool_->Pop(old), &first);
  End(first);
  Outgoing& second = NewRequest(*pool_);
  ASSERT_EQ(&second, &first) << "this test needs the same slot";
  ASSERT_TRUE(pool_->Bind(second, MsgId(second.token)).ok());
  EXPECT_EQ(pool_->Pop(MsgId(old)), nullptr);
  EXPECT_EQ(pool_->Pop(old), nullptr);
  EXPECT_EQ(pool_->Pop(second.token), &second);
  End(second);
}

TEST_F(StatMachinePoolTest, AnotherTransportsRequestIsNotFound) {
  const auto other = NewStatMachinePool(nodes_);
  Outgoing& request = NewRequest(*other);
  ASSERT_TRUE(other->Bind(request, MsgId(request.token)).ok());
  EXPECT_EQ(pool_->Pop(MsgId(request.token)), nullptr);
  EXPECT_EQ(pool_->Pop(request.token), nullptr);
  EXPECT_EQ(other->Pop(request.token), &request);
  End(request);
}

// Ids that callers choose may be anything, the token of a request among them.
TEST_F(StatMachinePoolTest, AForeignIdThatIsATokenIsUniqueToo) {
  Outgoing& first = NewRequest(*pool_);
  Outgoing& second = NewRequest(*pool_);
  const MsgId id(first.token);
  ASSERT_TRUE(pool_->Bind(first, id).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(pool_->Bind(second, id)));
  ASSERT_EQ(pool_->Pop(id), &first);
  ASSERT_TRUE(pool_->Bind(second, id).ok());
  pool_->Add(first);
  EXPECT_TRUE(absl::IsAlreadyExists(pool_->Bind(first, id)));
  EXPECT_EQ(pool_->Pop(id), &second);
  EXPECT_EQ(pool_->Pop(first.token), &first);
  End(first);
  End(second);
}

TEST_F(StatMachinePoolTest, ForeignIdsAreUniqueAndFreedWithTheirRequest) {
  const MsgId uuid(absl::string_view("123e4567-e89b-12d3-a456-426614174000"));
  Outgoing& first = NewRequest(*pool_);
  Outgoing& second = NewRequest(*pool_);
  ASSERT_TRUE(pool_->Bind(first, uuid).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(pool_->Bind(second, uuid)));
  ASSERT_TRUE(pool_->Bind(second, MsgId(1)).ok()) << "an integer that is no token";
  EXPECT_EQ(pool_->Pop(MsgId(1)), &second);
  EXPECT_EQ(pool_->Pop(first.token), &first);
  EXPECT_EQ(pool_->Pop(uuid), nullptr);
  End(first);
  End(second);
}

TEST_F(StatMachinePoolTest, PopOldestGoesInTheOrderOfAdding) {
  std::vector<Outgoing*> added;
  for (int i = 0; i < 100; ++i) added.push_back(&NewRequest(*pool_));
  EXPECT_EQ(pool_->Pop(added[50]->token), added[50]);
  for (size_t i = 0; i < added.size(); ++i) {
    if (i == 50) continue;
    EXPECT_EQ(pool_->PopOldest(), added[i]);
  }
  EXPECT_EQ(pool_->PopOldest(), nullptr);
  for (Outgoing* request : added) End(*request);
}

TEST(OutgoingPool, NodesOfManyThreadsAreDistinctAndComeBackClean) {
  OutgoingPool nodes;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&nodes] {
      std::vector<Outgoing*> mine;
      for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < 50; ++i) {
          Outgoing& node = nodes.New();
          EXPECT_TRUE(node.header.id.empty());
          EXPECT_EQ(node.completion, nullptr);
          node.header.id = MsgId(7);
          node.size = 5;
          mine.push_back(&node);
        }
        for (Outgoing* node : mine) nodes.Recycle(*node);
        mine.clear();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(OutgoingPool, WhatIsMadeOutsideAndEndsOnTheLoopIsUsedAgainOutside) {
  OutgoingPool nodes;
  Outgoing& outside = nodes.New();
  nodes.RecycleInLoop(outside);
  EXPECT_EQ(&nodes.New(), &outside);
  Outgoing& inside = nodes.NewInLoop();
  for (int i = 0; i < 1000; ++i) {
    nodes.Recycle(inside);
    nodes.RecycleInLoop(outside);
    EXPECT_EQ(&nodes.New(), &outside);
    for (Outgoing* node = nullptr; node != &inside;) node = &nodes.NewInLoop();
  }
}

TEST(OutgoingPool, ACompletionInTheNodesRoomIsDestroyedWithIt) {
  class Counted final : public Completion {
   public:
    explicit Counted(int& gone) : gone_(gone) {}
    ~Counted() override { ++gone_; }
    void OnReply(Reply&&) override {}
    void OnFailure(const MsgId&, absl::Status) override {}

   private:
    int& gone_;
  };
  OutgoingPool nodes;
  int gone = 0;
  Outgoing& node = nodes.NewInLoop();
  node.Emplace<Counted>(gone);
  nodes.RecycleInLoop(node);
  EXPECT_EQ(gone, 1);
  Counted outside(gone);
  Outgoing& waiter = nodes.NewInLoop();
  waiter.completion = &outside;
  nodes.RecycleInLoop(waiter);
  EXPECT_EQ(gone, 1) << "a borrowed completion is not ours to destroy";
}

TEST_F(StatMachinePoolTest, VisitsTheOldestFirstUntilItIsToldToStop) {
  std::vector<const Outgoing*> added;
  for (int i = 0; i < 3; ++i) added.push_back(&NewRequest(*pool_));
  std::vector<const Outgoing*> seen;
  pool_->Visit([&](const Outgoing& request) {
    seen.push_back(&request);
    return true;
  });
  EXPECT_EQ(seen, added);
  seen.clear();
  pool_->Visit([&](const Outgoing& request) {
    seen.push_back(&request);
    return seen.size() < 2;
  });
  EXPECT_EQ(seen, std::vector<const Outgoing*>(added.begin(), added.begin() + 2));
  while (Outgoing* request = pool_->PopOldest()) End(*request);
  pool_->Visit([](const Outgoing&) {
    ADD_FAILURE() << "it is empty";
    return true;
  });
}

}  // namespace
}  // namespace rain
