// WhenAll: several tasks at once, and all their results.
#pragma once

#include <coroutine>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "listenrain/framework/atomic.h"
#include "listenrain/framework/task.h"

namespace rain {

// What a task's result is in a tuple or vector.
template <class T>
using Gathered = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// The way into tasks that WhenAll has.
class TaskGroup {
 public:
  // Awaited: begins `count` tasks, which `each` calls its argument with, and goes on when all have ended.
  template <class Each>
  class RunAll {
   public:
    RunAll(size_t count, const Each& each) : each_(each), running_(count + 1) {}
    RunAll(const RunAll&) = delete;
    RunAll& operator=(const RunAll&) = delete;
    bool await_ready() const noexcept { return false; }
    // The one too many is this itself: until all have begun.
    bool await_suspend(std::coroutine_handle<> awaiter) {
      each_([&](auto& task) {
        task.frame_.promise().Before(awaiter, &running_);
        task.frame_.resume();
      });
      return running_.fetch_sub(1, std::memory_order_acq_rel) > 1;
    }
    void await_resume() const noexcept {}

   private:
    const Each& each_;
    Atomic<size_t> running_;
  };

  // Of a task that has ended.
  template <class T>
  static Gathered<T> Take(Task<T>& task) {
    if constexpr (std::is_void_v<T>) {
      task.frame_.promise().Take();
      return {};
    } else {
      return task.frame_.promise().Take();
    }
  }
};

// Begins each in turn on this thread, and ends when all have ended. Where some threw, the first of them in the order given is
// thrown, after all have ended.
template <class... T>
Task<std::tuple<Gathered<T>...>> WhenAll(Task<T>... tasks) {
  const auto each = [&](auto begin) { (begin(tasks), ...); };
  co_await TaskGroup::RunAll(sizeof...(T), each);
  co_return std::tuple<Gathered<T>...>{TaskGroup::Take(tasks)...};
}

// In the order of the tasks.
template <class T>
Task<std::vector<Gathered<T>>> WhenAll(std::vector<Task<T>> tasks) {
  const auto each = [&](auto begin) {
    for (Task<T>& task : tasks) begin(task);
  };
  co_await TaskGroup::RunAll(tasks.size(), each);
  std::vector<Gathered<T>> results;
  results.reserve(tasks.size());
  for (Task<T>& task : tasks) results.push_back(TaskGroup::Take(task));
  co_return results;
}

}  // namespace rain
