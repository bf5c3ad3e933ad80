// TaskRing: a FIFO of tasks that keeps its capacity, so that a queue in steady state allocates nothing.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"

namespace rain {

using Job = absl::AnyInvocable<void() &&>;  // an executor's task

// Runs and destroys the task. What it throws is logged under `where`.
void RunTask(Job task, absl::string_view where);

// Thread: one at a time. Destroying it destroys the tasks that are left, unrun, oldest first.
class TaskRing {
 public:
  TaskRing() = default;
  TaskRing(TaskRing&& other) noexcept
      : slots_(std::move(other.slots_)), first_(std::exchange(other.first_, 0)), size_(std::exchange(other.size_, 0)) {}
  TaskRing& operator=(TaskRing&&) = delete;
  ~TaskRing() {
    while (!empty()) Pop();
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Push(Job task) {
    if (size_ == slots_.size()) Grow();
    slots_[(first_ + size_) & (slots_.size() - 1)] = std::move(task);
    ++size_;
  }

  // Must not be empty.
  Job Pop() {
    Job task = std::move(slots_[first_]);
    slots_[first_] = nullptr;
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
    return task;
  }

 private:
  static constexpr size_t kFirstCapacity = 64;  // capacities are powers of two

  void Grow() {
    std::vector<Job> larger(slots_.empty() ? kFirstCapacity : 2 * slots_.size());
    for (size_t i = 0; i < size_; ++i) larger[i] = std::move(slots_[(first_ + i) & (slots_.size() - 1)]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<Job> slots_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace rain
