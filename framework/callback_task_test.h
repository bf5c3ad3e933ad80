// CallbackTask: for tests of what runs turns.
#pragma once

#include <functional>
#include <utility>

#include "listenrain/framework/loop.h"

namespace rain {

class CallbackTask final : public TurnTask {
 public:
  explicit CallbackTask(std::function<void()> callback) : callback_(std::move(callback)) {}

 private:
  void OnTurn() override { callback_(); }
  const std::function<void()> callback_;
};

}  // namespace rain
