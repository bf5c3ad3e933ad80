// Task: what a coroutine returns that somebody else waits for.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "listenrain/framework/atomic.h"
#include "listenrain/framework/frame_pool.h"

namespace rain {

template <class T>
class Task;

// What every task's frame has, whatever its result: who goes on when it ends, and what it threw.
class TaskPromiseBase : public PooledFrame {
 public:
  std::suspend_always initial_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { thrown_ = std::current_exception(); }

  class Final {
   public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      return static_cast<TaskPromiseBase&>(ended.promise()).Next();
    }
    void await_resume() const noexcept {}
  };
  Final final_suspend() const noexcept { return {}; }

  // `then` is resumed when this task has ended; with a group, by the last of it, which counts down to 0.
  void Before(std::coroutine_handle<> then, Atomic<size_t>* group = nullptr) {
    assert(!then_ && "a task has one awaiter");
    then_ = then;
    group_ = group;
  }

 protected:
  void Rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  // Where others of the group still run, this frame may be gone as soon as it has counted down.
  std::coroutine_handle<> Next() const noexcept {
    const std::coroutine_handle<> then = then_;
    if (group_ != nullptr && group_->fetch_sub(1, std::memory_order_acq_rel) > 1) return std::noop_coroutine();
    return then;
  }

  std::coroutine_handle<> then_;
  Atomic<size_t>* group_ = nullptr;
  std::exception_ptr thrown_;
};

// Where a task's value waits for whoever awaits it.
template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  Task<T> get_return_object();
  void return_value(T value) { value_.emplace(std::move(value)); }
  T Take() {
    Rethrow();
    return *std::move(value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void Take() const { Rethrow(); }
};

// Made by calling a coroutine, whose body does not begin before it is awaited: once, as in `co_await Ask(server)`. What the body
// throws is thrown by that co_await. Resumes whom it ends for directly: a loop of awaited tasks needs no more stack than one.
// Destroying it destroys the coroutine's frame, begun or not; not while it runs. Thread: one at a time; which one, follows from
// what the coroutine awaits.
//
// gcc 12 miscompiles `if (co_await …)` in a body without local variables, `?:` and aggregates built beside an awaiting expression
// (`co_await server.CoSend({"get", key})` destroys the message twice), and `co_await` of a named awaiter. So give the message and
// what is awaited a name: `const auto reply = co_await server.CoSend(message);`.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = TaskPromise<T>;
  static_assert(!std::is_reference_v<T>, "a task's result is a value");

  Task() = default;
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task former(std::exchange(frame_, std::exchange(other.frame_, nullptr)));
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  // Ends the frame when the awaiting expression is over, so before what follows it.
  class Awaiter {
   public:
    explicit Awaiter(Task task) : task_(std::move(task)) {}
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
      assert(task_.frame_ && "this task was moved away, or awaited before");
      task_.frame_.promise().Before(awaiter);
      return task_.frame_;
    }
    T await_resume() { return task_.frame_.promise().Take(); }

   private:
    Task task_;
  };
  Awaiter operator co_await() && { return Awaiter(std::move(*this)); }

 private:
  friend class TaskGroup;

  std::coroutine_handle<promise_type> frame_;
};

template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace rain
