// The thread pool: tasks run on threads of its own, in the order of the calls as far as they start.
#pragma once

#include <memory>
#include <string>

#include "listenrain/framework/executor.h"

namespace rain {

struct ThreadPoolOptions {
  int threads = 0;            // 0: one for each core, at least two
  std::string name = "rain";  // its threads show as name-0, name-1, …
};

// An executor with threads of its own.
class ThreadPool : public Executor {
 public:
  // Waits until no task waits or runs. At once on one of the pool's own threads. Thread: any.
  virtual void AwaitIdle() = 0;
};

// Destroying the pool runs what waits and joins its threads; what these last tasks pass to Run is destroyed unrun. Where the
// last reference ends in one of the pool's own tasks nothing is joined: the threads run what waits, then end by themselves.
// Has fewer threads than asked for, and says so in the log, if the system gives no more; null if it gives none.
std::shared_ptr<ThreadPool> NewThreadPool(ThreadPoolOptions options = {});

}  // namespace rain
