// Guarded: calls what users wrote, and catches what it throws: no exception crosses an interface.
#pragma once

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/log.h"

namespace rain {

// The call's own result, a Status or StatusOr; INVALID_ARGUMENT naming `who` and the exception if it threw.
template <class F>
auto Guarded(absl::string_view who, F&& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    return absl::InvalidArgumentError(absl::StrCat(who, " threw: ", thrown.what()));
  } catch (...) {
    return absl::InvalidArgumentError(absl::StrCat(who, " threw what is no std::exception"));
  }
}

// For calls whose failure nobody waits for: it is logged.
template <class F>
void GuardedAndLogged(absl::string_view who, F&& call) {
  const absl::Status status = Guarded(who, [&] {
    call();
    return absl::OkStatus();
  });
  if (!status.ok()) Log(Severity::error, "user code", status.message());
}

// What the call returns; what a T{} is if it threw, which is logged. (An assignment to a variable in a guarded lambda is no
// substitute: gcc 12 lets the call write there, and forgets on the way to the handler that it did not.)
template <class F>
auto GuardedOrNone(absl::string_view who, F&& call) -> decltype(call()) {
  absl::StatusOr<decltype(call())> result = Guarded(who, [&]() -> absl::StatusOr<decltype(call())> { return call(); });
  if (result.ok()) return *std::move(result);
  Log(Severity::error, "user code", result.status().message());
  return {};
}

}  // namespace rain
