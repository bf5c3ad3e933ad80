// The nodes of one loop: taken by the loop and by others, brought home by any thread, and nobody's twice.
#include "listenrain/framework/outgoing.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "listenrain/testing/interleaving/explored_test.h"

namespace rain {
namespace {

// In the end, each thread holds some.
struct Nodes {
  OutgoingPool pool;
  std::array<std::vector<Outgoing*>, 3> held;

  void RequireEachToBeHeldOnce() const {
    std::set<const Outgoing*> all;
    for (const auto& of_one : held) {
      for (const Outgoing* node : of_one) Require(all.insert(node).second, "a node is held by one");
    }
  }
};

TEST(OutgoingInterleaved, TheLoopsNodesComeHomeFromOtherThreads) {
  const Exploration all = ExploreAndTell("nodes of the loop", [](Scenario& scenario) {
    auto nodes = std::make_shared<Nodes>();
    std::vector<Outgoing*> out(64);  // all of the first chunk
    for (Outgoing*& node : out) node = &nodes->pool.NewInLoop();
    for (const size_t i : {size_t{0}, size_t{1}}) {
      scenario.Thread("brings one home", [nodes, node = out[i]] { nodes->pool.Recycle(*node); });
    }
    scenario.Thread("loop", [nodes, node = out[2]] {
      for (int i = 0; i < 3; ++i) nodes->held[2].push_back(&nodes->pool.NewInLoop());
      nodes->pool.RecycleInLoop(*node);
      nodes->held[2].push_back(&nodes->pool.NewInLoop());
    });
    out.erase(out.begin(), out.begin() + 3);
    nodes->held[0] = std::move(out);
    scenario.AtEnd([nodes] {
      for (int i = 0; i < 3; ++i) nodes->held[1].push_back(&nodes->pool.NewInLoop());
      nodes->RequireEachToBeHeldOnce();
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(OutgoingInterleaved, OthersTakeAndBringTheirOwn) {
  const Exploration all = ExploreAndTell("nodes of others", [](Scenario& scenario) {
    auto nodes = std::make_shared<Nodes>();
    for (size_t i = 0; i < 2; ++i) {
      scenario.Thread("takes, brings, takes", [nodes, i] {
        Outgoing& node = nodes->pool.New();
        Require(node.outside && node.completion == nullptr && !node.cancelled.load(), "it is clean");
        node.cancelled.store(true);
        nodes->held[i].push_back(&nodes->pool.New());
        nodes->pool.Recycle(node);
        nodes->held[i].push_back(&nodes->pool.New());
      });
    }
    scenario.Thread("loop", [nodes] {
      Outgoing& node = nodes->pool.NewInLoop();
      nodes->pool.RecycleInLoop(node);
      nodes->held[2].push_back(&nodes->pool.NewInLoop());
    });
    scenario.AtEnd([nodes] { nodes->RequireEachToBeHeldOnce(); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

// A token names its node as soon as somebody has it, and nothing before.
TEST(OutgoingInterleaved, ATokenIsLookedUpWhileThePoolGrows) {
  const Exploration all = ExploreAndTell("tokens", [](Scenario& scenario) {
    auto nodes = std::make_shared<Nodes>();
    scenario.Thread("takes one", [nodes] { nodes->held[0].push_back(&nodes->pool.New()); });
    scenario.Thread("takes one too", [nodes] { nodes->held[1].push_back(&nodes->pool.New()); });
    scenario.Thread("loop", [nodes] {
      const Token first = Token{1} << 32;
      const Outgoing* before = nodes->pool.Named(first);
      Require(before == nullptr || before->token == first, "it is the node of this name");
      Require(before == nullptr || nodes->pool.Named(first) == before, "and stays so");
      Require(nodes->pool.Find(first) == nullptr, "none is in flight");
    });
    scenario.AtEnd([nodes] {
      nodes->RequireEachToBeHeldOnce();
      for (const size_t i : {size_t{0}, size_t{1}}) {
        Outgoing* node = nodes->held[i].front();
        Require(nodes->pool.Named(node->token) == node, "each has its name");
      }
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

}  // namespace
}  // namespace rain
