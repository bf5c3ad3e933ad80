// How many file descriptors this process may have open.
#pragma once

#include <cstddef>

#include "absl/status/status.h"

namespace rain::bench {

// Raises the limit as far as the system lets it, if need be, so that `connections` may be open at once beside what a process has
// anyway; children inherit it. Errors: FAILED_PRECONDITION telling how many there may be, and what raises that.
absl::Status AllowDescriptorsFor(size_t connections);

}  // namespace rain::bench
