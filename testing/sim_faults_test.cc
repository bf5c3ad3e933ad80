// Faults strike when, where and as often as they are told to.
#include "listenrain/testing/sim_faults.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "listenrain/testing/sim_random.h"

namespace rain {
namespace {

// Drains when told to, for a second.
class Program final : public SimProgram {
 public:
  explicit Program(SimWorld& world) : world_(world) {}
  void Drain() override {
    draining_ = true;
    world_.agenda().In(absl::Seconds(1), [this] { draining_ = false; });
  }
  bool draining() const override { return draining_; }

 private:
  SimWorld& world_;
  bool draining_ = false;
};

class SimFaultsTest : public testing::Test {
 protected:
  SimFaultsTest() {
    for (const char* name : {"a", "b"}) {
      world_.AddNode(name, {}, [this](SimNode&) { return std::make_unique<Program>(world_); });
    }
  }
  SimNode& node(size_t i) { return *world_.nodes()[i]; }
  void Strike(std::vector<SimFault> faults) {
    faults_ = std::make_unique<SimFaults>(world_, std::move(faults), [this](const SimFault& fault, SimNode& node) {
      struck_.emplace_back(fault.kind, node.name());
      when_.push_back(world_.now() - begun_);
    });
  }

  SimWorld world_{1};
  const Instant begun_ = world_.now();
  std::unique_ptr<SimFaults> faults_;
  std::vector<std::pair<SimFaultKind, std::string>> struck_;
  std::vector<absl::Duration> when_;
};

TEST(SimFault, IsToldInOneLine) {
  SimFault fault{.at = absl::Seconds(2), .kind = SimFaultKind::partition, .node = 1, .other = 3, .lasts = absl::Milliseconds(5)};
  EXPECT_EQ(fault.ToString(), "at 2s node 1: partition from node 3; 5ms, amount 0");
  fault.kind = SimFaultKind::crash;
  fault.moment = SimEngineState::awaiting_reply;
  EXPECT_EQ(fault.ToString(), "at 2s node 1: crash, at the first that is awaiting reply; 5ms, amount 0");
}

TEST_F(SimFaultsTest, ACrashedNodeBeginsAnewAfterAWhile) {
  Strike({{.at = absl::Seconds(1), .kind = SimFaultKind::crash, .node = 1, .lasts = absl::Seconds(2)}});
  world_.RunFor(absl::Seconds(1.5));
  EXPECT_TRUE(node(0).up());
  EXPECT_FALSE(node(1).up());
  world_.RunFor(absl::Seconds(2));
  EXPECT_TRUE(node(1).up());
  EXPECT_EQ(faults_->struck(), 1u);
}

TEST_F(SimFaultsTest, ANodeThatIsDownIsSpared) {
  Strike({{.at = absl::Seconds(1), .kind = SimFaultKind::crash, .node = 1, .lasts = absl::Seconds(2)},
          {.at = absl::Seconds(2), .kind = SimFaultKind::standstill, .node = 1, .lasts = absl::Seconds(1)}});
  world_.RunFor(absl::Seconds(2.5));
  ASSERT_EQ(struck_.size(), 2u);
  EXPECT_EQ(struck_[1].second, "a");
  EXPECT_TRUE(node(0).paused());
  world_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(node(0).paused());
}

TEST_F(SimFaultsTest, AFaultWaitsForItsMoment) {
  Strike(
      {{.at = absl::Seconds(1), .kind = SimFaultKind::clock_jump, .moment = SimEngineState::draining, .lasts = absl::Seconds(9)},
       {.at = absl::Seconds(2), .kind = SimFaultKind::drain, .node = 1}});
  world_.RunFor(absl::Seconds(10));
  ASSERT_EQ(struck_.size(), 2u);
  EXPECT_EQ(struck_[1], std::pair(SimFaultKind::clock_jump, std::string("b")));
  EXPECT_LT(when_[1], absl::Seconds(2.1));
  SimMatrix matrix = faults_->matrix();
  EXPECT_EQ(matrix.At(SimFaultKind::clock_jump, SimEngineState::draining), 1u);
  EXPECT_EQ(matrix.At(SimFaultKind::drain, SimEngineState::draining), 0u);
}

TEST_F(SimFaultsTest, AMomentThatDoesNotComeIsNotWaitedForLong) {
  Strike({{.at = absl::Seconds(1),
           .kind = SimFaultKind::standstill,
           .moment = SimEngineState::stopping,
           .lasts = absl::Seconds(1)}});
  world_.RunFor(absl::Seconds(10));
  ASSERT_EQ(struck_.size(), 1u);
  EXPECT_GE(when_[0], absl::Seconds(3));
  EXPECT_LT(when_[0], absl::Seconds(3.1));
}

TEST_F(SimFaultsTest, AStoppedNodeEndsInOrderAndBeginsAnew) {
  Strike({{.at = absl::Seconds(1), .kind = SimFaultKind::stop, .node = 0, .lasts = absl::Seconds(1), .amount = 1},
          {.at = absl::Seconds(0.9),
           .kind = SimFaultKind::clock_jump,
           .moment = SimEngineState::stopping,
           .lasts = absl::Seconds(1)}});
  world_.RunFor(absl::Seconds(1.5));
  EXPECT_FALSE(node(0).up());
  world_.RunFor(absl::Seconds(1));
  EXPECT_TRUE(node(0).up());
  SimMatrix matrix = faults_->matrix();
  EXPECT_EQ(matrix.At(SimFaultKind::clock_jump, SimEngineState::stopping), 1u);
}

TEST(DrawFaults, AreThoseOfTheSeedInOrderOfTime) {
  SimRandom one(1), same(1);
  const std::vector<SimFault> faults = DrawFaults(one, 5, 300, absl::Seconds(20));
  const std::vector<SimFault> again = DrawFaults(same, 5, 300, absl::Seconds(20));
  ASSERT_EQ(faults.size(), 300u);
  std::set<SimFaultKind> kinds;
  for (size_t i = 0; i < faults.size(); ++i) {
    EXPECT_EQ(faults[i].kind, again[i].kind);
    EXPECT_EQ(faults[i].at, again[i].at);
    EXPECT_LT(faults[i].at, absl::Seconds(20));
    EXPECT_LE(faults[i == 0 ? 0 : i - 1].at, faults[i].at);
    kinds.insert(faults[i].kind);
  }
  EXPECT_EQ(kinds.size(), kSimFaultKinds);
}

}  // namespace
}  // namespace rain
