// SyncWait: runs a task and blocks until it has ended, for main() and tests. Caught: a task whose exceptions are statuses.
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "listenrain/framework/baton.h"
#include "listenrain/framework/detached.h"
#include "listenrain/framework/guarded.h"
#include "listenrain/framework/handover.h"
#include "listenrain/framework/task.h"

namespace rain {

// A result of T, or a status in its place: T itself where it can say so.
template <class T>
struct ResultType {
  using type = absl::StatusOr<T>;
};
template <class T>
struct ResultType<absl::StatusOr<T>> {
  using type = absl::StatusOr<T>;
};
template <>
struct ResultType<absl::Status> {
  using type = absl::Status;
};
template <>
struct ResultType<void> {
  using type = absl::Status;
};
template <class T>
using ResultOf = typename ResultType<T>::type;

// INVALID_ARGUMENT names what the task threw. Its frame is gone when this ends.
template <class T>
Task<ResultOf<T>> Caught(Task<T> task) {
  std::exception_ptr thrown;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      co_return absl::OkStatus();
    } else {
      co_return co_await std::move(task);
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return Guarded("a task", [&thrown]() -> ResultOf<T> { std::rethrow_exception(thrown); });
}

// Runs the task, and hands its result over.
template <class T>
Detached PutResult(Task<T> task, Handover<T>& to) {
  T result = co_await std::move(task);
  to.Put(std::move(result));  // after the task's frame has ended: what it held may go as soon as the value is there
}

// Begins the task on this thread and waits for its end, wherever that is. Errors: FAILED_PRECONDITION this thread runs a loop,
// which must not wait; INVALID_ARGUMENT the task threw; the task's own.
template <class T>
ResultOf<T> SyncWait(Task<T> task) {
  if (Baton::AnyHeldHere()) {
    return absl::FailedPreconditionError("SyncWait on a thread that runs a loop would stop that loop: use co_await, or Spawn");
  }
  Handover<ResultOf<T>> outcome;
  PutResult(Caught(std::move(task)), outcome);
  return outcome.Take();
}

}  // namespace rain
