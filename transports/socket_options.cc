#include "listenrain/transports/socket_options.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/transports/system_error.h"

namespace rain {

absl::StatusOr<int> NumberOption(const TransportKey& key, absl::string_view name, int otherwise, int least, int most, int base) {
  const auto found = key.options().find(std::string(name));
  if (found == key.options().end()) return otherwise;
  const std::string& text = found->second;
  const bool digits = !text.empty() && text.size() < 12 && text.find_first_not_of("0123456789") == std::string::npos;
  char* end = nullptr;
  const long long number = digits ? std::strtoll(text.c_str(), &end, base) : 0;
  if (digits && *end == '\0' && number >= least && number <= most) return static_cast<int>(number);
  const std::string range = base == 8 ? "0 to 7777, octal" : absl::StrCat(least, " to ", most);
  return absl::InvalidArgumentError(
      absl::StrCat("transport key \"", key.text(), "\": option \"", name, "\" is no number from ", range, ": \"", text, "\""));
}

absl::Status SetSocketOption(int fd, int level, int name, int value, absl::string_view option, absl::string_view where) {
  if (setsockopt(fd, level, name, &value, sizeof(value)) == 0) return absl::OkStatus();
  return SystemError(errno, where, absl::StrCat("option \"", option, "\" = ", value));
}

absl::StatusOr<BufferOptions> ParseBufferOptions(const TransportKey& key) {
  constexpr int kMost = std::numeric_limits<int>::max() / 2;  // the kernel doubles it
  const auto sndbuf = NumberOption(key, "sndbuf", 0, 0, kMost);
  if (!sndbuf.ok()) return sndbuf.status();
  const auto rcvbuf = NumberOption(key, "rcvbuf", 0, 0, kMost);
  if (!rcvbuf.ok()) return rcvbuf.status();
  return BufferOptions{*sndbuf, *rcvbuf};
}

absl::Status Apply(const BufferOptions& options, int fd, absl::string_view where) {
  if (options.sndbuf > 0) {
    absl::Status set = SetSocketOption(fd, SOL_SOCKET, SO_SNDBUF, options.sndbuf, "sndbuf", where);
    if (!set.ok()) return set;
  }
  if (options.rcvbuf > 0) return SetSocketOption(fd, SOL_SOCKET, SO_RCVBUF, options.rcvbuf, "rcvbuf", where);
  return absl::OkStatus();
}

absl::StatusOr<int> ParseBacklog(const TransportKey& key) { return NumberOption(key, "backlog", 4096, 1, 65535); }

}  // namespace rain
