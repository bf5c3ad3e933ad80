// Parts of the tests of coroutines.
#pragma once

#include <coroutine>
#include <stdexcept>
#include <string>
#include <utility>

#include "listenrain/framework/executor.h"
#include "listenrain/framework/task.h"

namespace rain {

// A task that has begun and that somebody may yet destroy, as other libraries' coroutines can be. Begins when made; destroys the
// frame when destroyed, suspended or ended; not while it runs.
class Begun {
 public:
  explicit Begun(Task<> task) : awaiter_(std::move(task).operator co_await()) {
    awaiter_.await_suspend(std::noop_coroutine()).resume();
  }
  Begun(const Begun&) = delete;
  Begun& operator=(const Begun&) = delete;

 private:
  Task<>::Awaiter awaiter_;
};

// Counts how many of it are alive.
class Alive {
 public:
  explicit Alive(int& count) : count_(&count) { ++*count_; }
  Alive(const Alive& other) : Alive(*other.count_) {}
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count_; }

 private:
  int* count_;
};

// Suspends whoever passes it until the test opens it.
class Gate {
 public:
  class Passing {
   public:
    explicit Passing(Gate& gate) : gate_(gate) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept { gate_.waiting_ = coroutine; }
    void await_resume() const noexcept {}

   private:
    Gate& gate_;
  };
  Passing Pass() { return Passing(*this); }
  void Open() { std::exchange(waiting_, nullptr).resume(); }
  bool waited_for() const { return static_cast<bool>(waiting_); }

 private:
  std::coroutine_handle<> waiting_;
};

// Goes on as another task of an executor.
class Hop {
 public:
  explicit Hop(Executor& to) : to_(to) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    to_.Run([coroutine] { coroutine.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  Executor& to_;
};

inline Task<int> Just(int value) { co_return value; }
inline Task<std::string> Joined(std::string left, const std::string& right) { co_return left + right; }
inline Task<> Throwing(const char* text) {
  throw std::runtime_error(text);
  co_return;
}
inline Task<> Through(Gate& gate) { co_await gate.Pass(); }

}  // namespace rain
