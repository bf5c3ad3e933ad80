// TaskHandler: a handler that is a coroutine: what it returns is the reply.
#pragma once

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "listenrain/framework/call_context.h"
#include "listenrain/framework/detached.h"
#include "listenrain/framework/log.h"
#include "listenrain/framework/responder.h"
#include "listenrain/framework/task.h"

namespace rain {

// Begins on the executor, and goes on wherever what it awaits resumes it. An error that it returns is the reply; what it throws
// answers with an error. To a one-way message nothing is replied: an error is logged.
template <class M>
using TaskHandler = absl::AnyInvocable<Task<absl::StatusOr<M>>(M, CallContext) const>;

// The handler, and so what its lambda has captured, lives as long as any of its coroutines.
template <class M>
Detached AnswerByTask(std::shared_ptr<const TaskHandler<M>> handler, M message, CallContext context, Responder<M> responder) {
  Task<absl::StatusOr<M>> task = (*handler)(std::move(message), std::move(context));
  const absl::StatusOr<M> reply = co_await std::move(task);  // NOLINT(bugprone-use-after-move): takes it for `context`
  if (!responder.expected()) {
    if (!reply.ok()) Log(Severity::error, "user code", absl::StrCat("a one-way message's handler: ", reply.status().message()));
  } else if (reply.ok()) {
    (void)responder.Reply(*reply);  // an error: the caller was told, or has gone
  } else {
    (void)responder.Fail(reply.status());
  }
}

}  // namespace rain
