// The helm: callers that wait drive the loop, one at a time; nothing is left undone when they go, and each is told.
#include "listenrain/framework/helm.h"

#include <functional>
#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "listenrain/framework/atomic.h"
#include "listenrain/testing/interleaving/explored_test.h"
#include "listenrain/testing/interleaving/model_loop_test.h"
#include "listenrain/testing/scale.h"

namespace rain {
namespace {

// A loop with its own thread, which ends when all that others do is done.
struct Driven {
  explicit Driven(int parts) : parts_left(parts) {}

  // Asks the loop and waits, as a SyncWaiter does.
  void Call() {
    Helm& helm = *loop.helm();
    Helm::Caller caller;
    const auto ask = [&] { loop.Run([&caller] { caller.Tell(); }); };
    if (helm.Take(caller)) {
      bool asked = false;
      loop.Drive([&] {
        Require(loop.InLoop(), "who drives holds the baton");
        if (!std::exchange(asked, true)) ask();
        return !caller.told() && helm.lends();
      });
      helm.Leave(caller);
    } else {
      ask();
      if (helm.Wait(caller)) {
        loop.Drive([&] { return !caller.told() && helm.lends(); });
        helm.Leave(caller);
      }
    }
    if (helm.lends()) Require(caller.told(), "who has waited has been told");
    caller.Await();
  }
  // One that fails before anything is asked.
  void CallInVain() {
    Helm& helm = *loop.helm();
    Helm::Caller caller;
    if (helm.Take(caller)) loop.Drive([] { return false; });
    helm.Leave(caller);
  }
  // What somebody else wants of the loop, when it has run.
  void Post() {
    loop.Run([this] { PartDone(); });
  }
  void PartDone() {
    if (parts_left.fetch_sub(1) == 1) over.Ring();
  }
  void EndWhenDone() {
    over.Sleep(Instant::Infinite());
    loop.End();
  }

  ModelLoop loop;
  Atomic<int> parts_left;
  Alarm over;
};

using SetUp = std::function<void(Scenario&, const std::shared_ptr<Driven>&)>;

// Every order in which the threads are stopped so often at most where they could go on, in a long run once more, with a loop that
// counts their parts.
void ExpectAllWell(const char* name, int parts, const SetUp& set_up, size_t preemptions = 1) {
  const Exploration all = ExploreAndTell(name,
                                         [&](Scenario& scenario) {
                                           auto driven = std::make_shared<Driven>(parts);
                                           scenario.Thread("loop", [driven] { driven->loop.ThreadMain(); });
                                           set_up(scenario, driven);
                                           scenario.Thread("ends", [driven] { driven->EndWhenDone(); });
                                         },
                                         {.max_steps = 4000, .max_preemptions = Scaled(0, 0, 1) + preemptions});
  EXPECT_TRUE(all.ok()) << all.failure;
}

TEST(HelmInterleaved, ACallerDrivesAndTheLoopsThreadTakesOver) {
  ExpectAllWell("a caller, and then nobody", 2, [](Scenario& scenario, const std::shared_ptr<Driven>& driven) {
    scenario.Thread("caller", [driven] {
      driven->Call();
      driven->PartDone();
      driven->Post();  // nobody drives now
    });
  });
}

TEST(HelmInterleaved, WhatOthersPostIsDoneWhoeverDrives) {
  ExpectAllWell("a caller, and a post", 2, [](Scenario& scenario, const std::shared_ptr<Driven>& driven) {
    scenario.Thread("caller", [driven] {
      driven->Call();
      driven->PartDone();
    });
    scenario.Thread("posts", [driven] { driven->Post(); });
  });
}

TEST(HelmInterleaved, OfTwoCallersEachIsTold) {
  ExpectAllWell("two callers", 2, [](Scenario& scenario, const std::shared_ptr<Driven>& driven) {
    for (const char* name : {"a", "b"}) {
      scenario.Thread(name, [driven] {
        driven->Call();
        driven->PartDone();
      });
    }
  });
}

TEST(HelmInterleaved, OfManyCallersEachIsTold) {
  ExpectAllWell(
      "three callers", 3,
      [](Scenario& scenario, const std::shared_ptr<Driven>& driven) {
        for (const char* name : {"a", "b", "c"}) {
          scenario.Thread(name, [driven] {
            driven->Call();
            driven->PartDone();
          });
        }
      },
      0);
}

TEST(HelmInterleaved, WhoFailsToAskPassesTheHelmOn) {
  ExpectAllWell("a caller that fails", 2, [](Scenario& scenario, const std::shared_ptr<Driven>& driven) {
    scenario.Thread("fails", [driven] {
      driven->CallInVain();
      driven->PartDone();
    });
    scenario.Thread("caller", [driven] {
      driven->Call();
      driven->PartDone();
    });
  });
}

// What user code runs on: once nobody may drive, and the turn under way is over, that is the loop's own thread.
TEST(HelmInterleaved, WhenTheHelmIsKeptFromCallersTheLoopsThreadTakesOver) {
  ExpectAllWell(
      "two callers, and a helm that is kept from them", 3,
      [](Scenario& scenario, const std::shared_ptr<Driven>& driven) {
        for (const char* name : {"a", "b"}) {
          scenario.Thread(name, [driven] {
            driven->Call();
            driven->PartDone();
          });
        }
        scenario.Thread("keeps", [driven] {
          driven->loop.helm()->KeepFromCallers();
          driven->loop.Run([] {});
          driven->Post();
        });
      },
      0);
}

// Somebody runs a turn of the loop while a caller drives it.
TEST(HelmInterleaved, OthersMayRunTurnsToo) {
  ExpectAllWell("a caller, and a turn", 2, [](Scenario& scenario, const std::shared_ptr<Driven>& driven) {
    scenario.Thread("caller", [driven] {
      driven->Call();
      driven->PartDone();
    });
    scenario.Thread("turn", [driven] {
      driven->loop.RunTurn(SystemClock().Now() + absl::Milliseconds(1));
      driven->Post();
    });
  });
}

}  // namespace
}  // namespace rain
