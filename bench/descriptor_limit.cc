#include "listenrain/bench/descriptor_limit.h"

#include <sys/resource.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "listenrain/bench/process.h"

namespace rain::bench {
namespace {

constexpr size_t kOthers = 64;  // standard streams, loops, pipes, listening sockets

}  // namespace

absl::Status AllowDescriptorsFor(size_t connections) {
  const rlim_t needed = connections + kOthers;
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return SystemError("getrlimit", errno);
  if (limit.rlim_cur >= needed) return absl::OkStatus();
  if (limit.rlim_max < needed) {
    return absl::FailedPreconditionError(absl::StrCat(connections, " connections need ", needed,
                                                      " descriptors, and this process may have ", limit.rlim_max,
                                                      ": ask for fewer, or raise the hard limit (ulimit -Hn)"));
  }
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return SystemError("setrlimit", errno);
  return absl::OkStatus();
}

}  // namespace rain::bench
