#include <benchmark/benchmark.h>

#include <vector>

#include "listenrain/framework/deadline_line.h"
#include "listenrain/testing/manual_loop.h"

namespace rain {
namespace {

class NoDeadline final : public DeadlineOwner {
 public:
  void OnDeadline(Outgoing&) override { ++told; }
  size_t told = 0;
};

// So many requests with one timeout, each answered before its time.
void BM_ArmAndCancelDeadlines(benchmark::State& state) {
  ManualLoop loop;
  OutgoingPool nodes;
  NoDeadline owner;
  DeadlineLine line(loop);
  std::vector<Outgoing*> requests(static_cast<size_t>(state.range(0)));
  for (Outgoing*& request : requests) {
    request = &nodes.NewInLoop();
    request->owner = &owner;
  }
  Instant deadline = loop.now() + absl::Seconds(10);
  for (auto _ : state) {
    for (Outgoing* request : requests) {
      request->deadline = deadline;
      line.Arm(*request);
    }
    for (Outgoing* request : requests) line.Cancel(*request);
    deadline = deadline + absl::Microseconds(1);
  }
  if (owner.told > 0) state.SkipWithError("a deadline came");
  for (Outgoing* request : requests) nodes.RecycleInLoop(*request);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ArmAndCancelDeadlines)->Arg(1)->Arg(64)->Arg(1'000);

}  // namespace
}  // namespace rain
