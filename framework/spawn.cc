#include "listenrain/framework/spawn.h"

#include <utility>

#include "listenrain/framework/detached.h"
#include "listenrain/framework/sync_wait.h"

namespace rain {
namespace {

using OnEnd = absl::AnyInvocable<void(absl::Status) &&>;

Detached Begin(Task<void> task) { co_await std::move(task); }

Detached BeginAndTell(Task<void> task, OnEnd on_end) {
  absl::Status ended = co_await Caught(std::move(task));
  std::move(on_end)(std::move(ended));
}

// A task on its way to the executor, which may drop it.
class Launch {
 public:
  Launch(Task<void> task, OnEnd on_end) : task_(std::move(task)), on_end_(std::move(on_end)) {}
  Launch(Launch&& other) noexcept : task_(std::move(other.task_)), on_end_(std::exchange(other.on_end_, nullptr)) {}
  Launch& operator=(Launch&&) = delete;
  ~Launch() {
    if (!on_end_) return;
    task_ = Task<void>();
    GuardedAndLogged("a spawned task's end",
                     [this] { std::move(on_end_)(absl::CancelledError("the executor ended before the task began")); });
  }
  void operator()() && { BeginAndTell(std::move(task_), std::exchange(on_end_, nullptr)); }

 private:
  Task<void> task_;
  OnEnd on_end_;
};

}  // namespace

void Spawn(Executor& executor, Task<void> task) {
  executor.Run([task = std::move(task)]() mutable { Begin(std::move(task)); });
}

void Spawn(Executor& executor, Task<void> task, OnEnd on_end) { executor.Run(Launch(std::move(task), std::move(on_end))); }

}  // namespace rain
