#include "listenrain/framework/shard.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "listenrain/testing/manual_loop.h"

namespace rain {
namespace {

// Notes when it is asked to give blocks back, which takes it a few times.
class AskedPool final : public BufferPool {
 public:
  Buffer Allocate(size_t) override { return {}; }
  size_t bytes_in_use() const override { return 0; }
  bool Trim(Instant now) override {
    asked.push_back(now);
    return static_cast<int>(asked.size()) % 3 != 0;
  }

  std::vector<Instant> asked;
};

class ShardTest : public testing::Test {
 protected:
  void Run(void (Shard::*call)()) {
    loop_->Run([this, call] { (*shard_.*call)(); });
    ASSERT_TRUE(loop_->RunUntilIdle());
  }

  const std::shared_ptr<ManualLoop> loop_ = std::make_shared<ManualLoop>();
  const std::shared_ptr<AskedPool> pool_ = std::make_shared<AskedPool>();
  const Ref<Shard> shard_ = MakeRef<Shard>(loop_, pool_, nullptr);
};

TEST_F(ShardTest, OnceItIsQuietThePoolIsAskedEverySecondUntilItHasGivenBackAll) {
  Run(&Shard::OnQuiet);
  EXPECT_EQ(pool_->asked.size(), 1u);
  Run(&Shard::OnQuiet);
  EXPECT_EQ(pool_->asked.size(), 1u) << "it will be asked in a second";
  loop_->Advance(absl::Seconds(10));
  ASSERT_EQ(pool_->asked.size(), 3u);
  EXPECT_EQ(pool_->asked[1], pool_->asked[0] + absl::Seconds(1));
  EXPECT_EQ(pool_->asked[2], pool_->asked[1] + absl::Seconds(1));
  Run(&Shard::OnQuiet);
  EXPECT_EQ(pool_->asked.size(), 4u) << "quiet anew";
  Run(&Shard::Shut);
  EXPECT_EQ(loop_->timers().size(), 0u);
  Run(&Shard::OnQuiet);
  EXPECT_EQ(pool_->asked.size(), 4u);
}

TEST_F(ShardTest, OnceItIsQuietTheLoopsTimersGiveBackWhatABurstLeft) {
  class Silent final : public Timer {
    void OnTimer() override {}
  };
  constexpr size_t kBurst = 10'000;
  TimerHeap& timers = loop_->timers();
  {
    std::vector<Silent> burst(kBurst);
    for (Silent& timer : burst) timers.Arm(timer, loop_->now() + absl::Hours(1));
  }
  ASSERT_GE(timers.capacity(), kBurst);
  Run(&Shard::OnQuiet);
  EXPECT_LT(timers.capacity(), kBurst / 10);
}

}  // namespace
}  // namespace rain
