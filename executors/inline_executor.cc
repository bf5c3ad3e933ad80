#include "listenrain/executors/inline_executor.h"

#include <utility>

#include "listenrain/executors/task_ring.h"

namespace rain {
namespace {

class InlineExecutor final : public Executor {
 public:
  void Run(Job task) override { RunTask(std::move(task), "inline executor"); }
  int concurrency() const override { return 0; }
};

}  // namespace

std::shared_ptr<Executor> NewInlineExecutor() { return std::make_shared<InlineExecutor>(); }

}  // namespace rain
