#include "listenrain/transports/unique_fd.h"

#include <unistd.h>

namespace rain {

// After a failed close the descriptor is gone as well (Linux), and EINTR must not be retried: nothing can be done about it.
void UniqueFd::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

}  // namespace rain
