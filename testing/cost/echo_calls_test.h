// EchoCalls: a client and a server on one thread, and calls between them that are the same in every run. For what counts the cost
// of a call.
#pragma once

#include <memory>

#include "absl/strings/string_view.h"
#include "listenrain/framework/loop.h"
#include "listenrain/listenrain.h"

namespace rain {

// A loop that its maker runs, turn by turn. Thread: the one that makes it.
class SteppedLoop {
 public:
  virtual ~SteppedLoop() = default;
  virtual std::shared_ptr<Loop> loop() = 0;
  // What there is to do now, which may take several turns; does not wait for more than a moment.
  virtual void RunReady() = 0;
  // One turn, which waits until there is something to do.
  virtual void RunTurn() = 0;
  // From now on others may run it too.
  virtual void LetGo() {}
};
struct LoopPair {
  std::unique_ptr<SteppedLoop> client;
  std::unique_ptr<SteppedLoop> server;
};

// "inproc": manual loops, on a clock that passes ten microseconds a turn; "same_loop": one of these for both. "tcp": loops with
// threads of their own, which leave them to their maker. "attached": TCP over libuv loops of the program's. Empty pointers: there
// is no such carrier.
LoopPair NewLoopPair(absl::string_view carrier);
// What the server of such a pair listens on.
absl::string_view KeyOf(absl::string_view carrier);

// 110 bytes there and back, in the compact codec; callbacks and handlers inline. Thread: the one that made the loops.
class EchoCalls {
 public:
  // Borrows `loops`. Begins with a call, so that there is a channel.
  EchoCalls(const LoopPair& loops, absl::string_view key);
  ~EchoCalls();

  // `parallel` at once, each reply's callback asking the next. Returns when all are replied to.
  void Run(int calls, int parallel);

 private:
  struct Side {
    explicit Side(std::shared_ptr<Loop> loop);
    std::unique_ptr<ListenRain> rain;
    Protocol<Message> protocol;
  };
  void AskSo(int many);
  void Ask();
  void RunReady();
  int in_flight() const { return asked_ - replied_; }

  const LoopPair& loops_;
  Side server_;
  Side client_;
  Listener listener_;
  std::unique_ptr<TransportHandle<Message>> handle_;
  const Message message_;
  int to_ask_ = 0;
  int asked_ = 0;
  int handled_ = 0;
  int replied_ = 0;
};

}  // namespace rain
