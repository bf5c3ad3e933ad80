// How many descriptors a test may have open.
#pragma once

#include <sys/resource.h>

#include <algorithm>

namespace rain {

// True if this process may have so many descriptors, from now on.
inline bool MayOpen(rlim_t descriptors) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < descriptors) return false;
  limit.rlim_cur = std::max(limit.rlim_cur, descriptors);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

}  // namespace rain
