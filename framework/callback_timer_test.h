// CallbackTimer: for tests of what fires timers.
#pragma once

#include <functional>
#include <utility>

#include "listenrain/framework/timer_heap.h"

namespace rain {

class CallbackTimer final : public Timer {
 public:
  explicit CallbackTimer(std::function<void()> callback) : callback_(std::move(callback)) {}

 private:
  void OnTimer() override { callback_(); }
  const std::function<void()> callback_;
};

}  // namespace rain
