// ListenRain: everything a program needs, from one include.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/message.h"
#include "listenrain/framework/listen_rain.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/push.h"
#include "listenrain/framework/spawn.h"
#include "listenrain/framework/sync_wait.h"
#include "listenrain/framework/when_all.h"
#include "listenrain/transports/shutdown_signals.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {

// What may be chosen; everything has a default.
struct ListenRainOptions {
  std::vector<std::shared_ptr<Loop>> loops = {};  // empty: so many libuv loops, each with a thread of its own:
  int loop_threads = 1;
  absl::Duration poll = UvLoopOptions().poll;  // of these: how long they look for input before they sleep
  // Where user code runs, but for protocols that bring their own. Null: a thread pool, whose handlers and callbacks have returned
  // when ~ListenRain does. On an executor of yours they may still run then: end it first, or share with them what they use.
  std::shared_ptr<Executor> executor = nullptr;
  std::shared_ptr<BufferPool> buffers = nullptr;  // null: a pool of its own, without a bound
  std::vector<TransportScheme> schemes = {};      // before the built-in tcp, unix and inproc
  std::shared_ptr<Observer> observer = nullptr;   // null: none
};

// Errors: RESOURCE_EXHAUSTED if the system gives no thread or descriptor for the loop.
absl::StatusOr<std::unique_ptr<ListenRain>> NewListenRain(ListenRainOptions options = {});

// A protocol of rain::Message in the compact wire, with every default: for programs that need no wire of their own.
// Errors: ALREADY_EXISTS if the name is taken.
absl::StatusOr<Protocol<Message>> RegisterMessages(ListenRain& rain, absl::string_view name = "messages");

}  // namespace rain
