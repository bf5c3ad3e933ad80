// Detached: a coroutine that nobody waits for.
#pragma once

#include <coroutine>

#include "listenrain/framework/frame_pool.h"
#include "listenrain/framework/guarded.h"

namespace rain {

// Begins when called, ends its own frame when its body ends. What the body throws is logged.
class Detached {
 public:
  class promise_type : public PooledFrame {
   public:
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept {
      GuardedAndLogged("a coroutine", [] { throw; });
    }
  };
};

}  // namespace rain
