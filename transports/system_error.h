// SystemError: the one translation of the system's and libuv's error numbers.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rain {

// `error` is an errno value or libuv's negative of one; not 0. The text reads "where: operation: what (what to do)".
//   UNAVAILABLE          refused, reset, unreachable, timed out, address in use
//   RESOURCE_EXHAUSTED   no descriptors, no memory
//   PERMISSION_DENIED    not allowed
//   INVALID_ARGUMENT     bad address, option or descriptor
//   INTERNAL             anything else
// Thread: any.
absl::Status SystemError(int error, absl::string_view where, absl::string_view operation);

}  // namespace rain
