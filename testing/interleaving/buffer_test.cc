// Blocks come home from every thread, once, also to a pool that has ended.
#include "listenrain/framework/buffer.h"

#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/testing/interleaving/explored_test.h"

namespace rain {
namespace {

using testing::HasSubstr;

// Counts what is allocated and not freed. Not a step: the pool's own order is what is explored.
class CountingAllocator final : public BlockAllocator {
 public:
  explicit CountingAllocator(std::atomic<int>& blocks) : blocks_(blocks) {}
  ~CountingAllocator() override { blocks_ += 1000; }  // says that the pool's last part is gone
  void* Allocate(size_t bytes) override {
    ++blocks_;
    return ::operator new(bytes);
  }
  void Free(void* memory, size_t) noexcept override {
    --blocks_;
    ::operator delete(memory);
  }

 private:
  std::atomic<int>& blocks_;
};

struct Pool {
  explicit Pool(size_t max_bytes = SIZE_MAX, size_t max_idle_bytes = SIZE_MAX) {
    pool = NewBufferPool({max_bytes, max_idle_bytes, std::make_shared<CountingAllocator>(blocks)});
  }
  void RequireNothingIsLeft() {
    pool.reset();
    Require(blocks == 1000, "each block was freed once, and then the pool's home");
  }

  std::atomic<int> blocks{0};
  std::shared_ptr<BufferPool> pool;
};

TEST(BuffersInterleaved, TheLastOfThreeSlicesBringsTheBlockHome) {
  const Exploration all = ExploreAndTell("three slices", [](Scenario& scenario) {
    struct State : Pool {
      Buffer slices[3];
    };
    auto state = std::make_shared<State>();
    state->slices[0] = state->pool->Allocate(100);
    state->slices[1] = state->slices[0].Share(0, 50);
    state->slices[2] = state->slices[0].Share(50, 50);
    for (Buffer& slice : state->slices) {
      scenario.Thread("drops one", [state, &slice] { slice = Buffer(); });
    }
    scenario.AtEnd([state] {
      Require(state->pool->bytes_in_use() == 0, "the block is at home");
      Require(state->blocks == 1, "it is kept there");
      state->RequireNothingIsLeft();
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

// Whoever is told that a slice is the only one may write all of the block. (ThreadSanitizer sees whether the orders allow that.)
TEST(BuffersInterleaved, TheOnlySliceMayBeWritten) {
  const Exploration all = ExploreAndTell("unique", [](Scenario& scenario) {
    struct State : Pool {
      Buffer kept, passed;
      bool wrote = false;
    };
    auto state = std::make_shared<State>();
    state->kept = state->pool->Allocate(8);
    state->kept.mutable_data()[0] = 'a';
    state->passed = state->kept.Share();
    scenario.Thread("reader", [state] {
      Require(state->passed.view()[0] == 'a', "nobody writes what is shared");
      state->passed = Buffer();
    });
    scenario.Thread("writer", [state] {
      if (!state->kept.unique()) return;
      state->kept.mutable_data()[0] = 'b';
    });
    scenario.AtEnd([state] {
      state->kept = Buffer();
      state->RequireNothingIsLeft();
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(BuffersInterleaved, ASlicersSparesAndItsSlicesEndInAnyOrder) {
  const Exploration all = ExploreAndTell("a slicer", [](Scenario& scenario) {
    struct State : Pool {
      Buffer whole;
      Mutex mutex;
      CondVar changed;
      Buffer passed ABSL_GUARDED_BY(mutex);
    };
    auto state = std::make_shared<State>();
    state->whole = state->pool->Allocate(30);
    scenario.Thread("cuts", [state] {
      Slicer slicer(std::move(state->whole));
      {
        MutexLock lock(state->mutex);
        state->passed = slicer.Cut(10, 0, 10);
        state->changed.SignalOne();
      }
      slicer.Cut(10, 2, 5);
    });
    scenario.Thread("takes", [state] {
      Buffer taken;
      {
        MutexLock lock(state->mutex);
        while (state->passed.empty()) state->changed.Wait(state->mutex);
        taken = std::move(state->passed);
      }
      const Buffer more = taken.Share(0, 3);
      taken = Buffer();
    });
    scenario.AtEnd([state] {
      Require(state->pool->bytes_in_use() == 0, "the block is at home");
      state->RequireNothingIsLeft();
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(BuffersInterleaved, APoolMayEndWhileItsBlocksAreOut) {
  const Exploration all = ExploreAndTell("a pool that ends", [](Scenario& scenario) {
    struct State : Pool {
      Buffer one, other;
    };
    auto state = std::make_shared<State>();
    state->one = state->pool->Allocate(100);
    state->other = state->pool->Allocate(2 << 20);  // of no size class
    // At home already: one in its slot, one in the list.
    {
      const Buffer one = state->pool->Allocate(1000);
      const Buffer other = state->pool->Allocate(1000);
    }
    scenario.Thread("ends the pool", [state] { state->pool.reset(); });
    scenario.Thread("drops one", [state] { state->one = Buffer(); });
    scenario.Thread("drops the other", [state] { state->other = Buffer(); });
    scenario.AtEnd([state] { state->RequireNothingIsLeft(); });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

// Room for one block: who asks meanwhile is refused, and nobody later.
TEST(BuffersInterleaved, ANarrowPoolRefusesAndForgetsNothing) {
  const Exploration all = ExploreAndTell("a narrow pool", [](Scenario& scenario) {
    struct State : Pool {
      State() : Pool(512, 256) {}
      int given = 0;
      Mutex mutex;
    };
    auto state = std::make_shared<State>();
    for (const size_t size : {size_t{500}, size_t{300}, size_t{20}}) {
      scenario.Thread("asks for " + std::to_string(size), [state, size] {
        const Buffer buffer = state->pool->Allocate(size);
        Require(state->blocks <= 2, "no more than allowed is out");
        MutexLock lock(state->mutex);
        state->given += buffer.empty() ? 0 : 1;
      });
    }
    scenario.AtEnd([state] {
      Require(state->given >= 1, "somebody finds room");
      Require(state->pool->bytes_in_use() == 0, "everything is at home");
      Require(state->pool->Allocate(512).size() == 512, "and there is room again");
      state->RequireNothingIsLeft();
    });
  });
  EXPECT_TRUE(all.ok()) << all.failure;
}

enum class Wrong { nowhere, loses_a_node, falls_for_aba, forgets_who_is_last };

// A home for blocks, right or wrong.
template <Wrong wrong>
class SmallHome {
 public:
  struct Node {
    Atomic<Node*> next{nullptr};
  };

  void Push(Node* node) {
    if (wrong == Wrong::nowhere || wrong == Wrong::forgets_who_is_last) {
      MutexLock lock(mutex_);
      node->next.store(head_.load());
      return head_.store(node);
    }
    Node* head = head_.load();
    node->next.store(head);
    if (wrong == Wrong::loses_a_node) return head_.store(node);
    while (!head_.compare_exchange_strong(head, node)) node->next.store(head);
  }
  Node* Pop() {
    if (wrong != Wrong::falls_for_aba) {
      MutexLock lock(mutex_);
      Node* head = head_.load();
      if (head != nullptr) head_.store(head->next.load());
      return head;
    }
    Node* head = head_.load();
    while (head != nullptr && !head_.compare_exchange_strong(head, head->next.load())) {
    }
    return head;
  }

 private:
  Mutex mutex_;
  Atomic<Node*> head_{nullptr};
};

// Two nodes at home: one thread takes one; the other takes both and brings one back.
template <Wrong wrong>
void TakeAndBring(Scenario& scenario) {
  struct State {
    SmallHome<wrong> home;
    typename SmallHome<wrong>::Node nodes[2];
    typename SmallHome<wrong>::Node* taken[2] = {};
  };
  auto state = std::make_shared<State>();
  for (auto& node : state->nodes) state->home.Push(&node);
  scenario.Thread("takes one", [state] { state->taken[0] = state->home.Pop(); });
  scenario.Thread("takes two, brings one", [state] {
    auto* one = state->home.Pop();
    state->taken[1] = state->home.Pop();
    if (one != nullptr) state->home.Push(one);
  });
  scenario.AtEnd([state] {
    size_t found = 0;
    for (auto* taken : state->taken) found += taken != nullptr ? 1 : 0;
    while (auto* node = state->home.Pop()) {
      Require(node != state->taken[0] && node != state->taken[1], "what somebody has is not at home");
      if (++found > 2) break;
    }
    Require(found == 2, "every node is somewhere, once");
  });
}

template <Wrong wrong>
void BringTwo(Scenario& scenario) {
  struct State {
    SmallHome<wrong> home;
    typename SmallHome<wrong>::Node nodes[2];
  };
  auto state = std::make_shared<State>();
  for (auto& node : state->nodes) scenario.Thread("brings one", [state, &node] { state->home.Push(&node); });
  scenario.AtEnd([state] { Require(state->home.Pop() && state->home.Pop() && !state->home.Pop(), "both are at home"); });
}

// Who is last is decided in one step, or by two.
template <Wrong wrong>
void LastOneOut(Scenario& scenario) {
  struct State {
    Atomic<int> users{2};
    Atomic<int> ends{0};
  };
  auto state = std::make_shared<State>();
  for (const char* name : {"one", "other"}) {
    scenario.Thread(name, [state] {
      if (wrong == Wrong::nowhere && state->users.fetch_sub(1) == 1) state->ends.fetch_add(1);
      if (wrong == Wrong::nowhere) return;
      state->users.fetch_sub(1);
      if (state->users.load() == 0) state->ends.fetch_add(1);
    });
  }
  scenario.AtEnd([state] { Require(state->ends.load() == 1, "it ends once"); });
}

TEST(BuffersInterleaved, WrongOnesAreFound) {
  EXPECT_TRUE(ExploreAndTell("takes and brings, small", TakeAndBring<Wrong::nowhere>).ok());
  EXPECT_TRUE(ExploreAndTell("bring two, small", BringTwo<Wrong::nowhere>).ok());
  EXPECT_TRUE(ExploreAndTell("last one out, small", LastOneOut<Wrong::nowhere>).ok());
  EXPECT_TRUE(ExploreAndTell("brings by exchange", BringTwo<Wrong::falls_for_aba>).ok());
  const Exploration aba = ExploreAndTell("falls for ABA", TakeAndBring<Wrong::falls_for_aba>);
  EXPECT_THAT(aba.failure, HasSubstr("what somebody has is not at home"));
  const Exploration lost = ExploreAndTell("loses a node", BringTwo<Wrong::loses_a_node>);
  EXPECT_THAT(lost.failure, HasSubstr("both are at home"));
  const Exploration twice = ExploreAndTell("forgets who is last", LastOneOut<Wrong::forgets_who_is_last>);
  EXPECT_THAT(twice.failure, HasSubstr("it ends once"));
}

}  // namespace
}  // namespace rain
