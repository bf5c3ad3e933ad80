#include "listenrain/transports/unix.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "listenrain/transports/socket_address.h"
#include "listenrain/transports/socket_dialer.h"
#include "listenrain/transports/socket_file.h"
#include "listenrain/transports/socket_listener.h"
#include "listenrain/transports/socket_options.h"
#include "listenrain/transports/system_error.h"

namespace rain {
namespace {

struct UnixOptions {
  std::string where;  // the key, for errors
  std::string path;   // empty for an abstract name
  SocketAddress address;
  BufferOptions buffers;
  int mode = -1;  // -1: what the umask leaves
  int backlog = 0;
};

absl::StatusOr<UnixOptions> ParseUnixKey(const TransportKey& key) {
  absl::Status known = key.CheckOptions({"mode", "sndbuf", "rcvbuf", "backlog", "backoff", "backoff_max"});
  if (!known.ok()) return known;
  UnixOptions options;
  options.where = key.text();
  const absl::string_view name = key.address();
  const bool abstract = name.front() == '@';
  if (!abstract && name.front() != '/' && absl::string_view(key.text()).substr(key.scheme().size(), 3) == "://") {
    return absl::InvalidArgumentError(absl::StrCat("transport key \"", key.text(), "\": write ", key.scheme(), ":///", name,
                                                   " for a path from the root, ", key.scheme(), ":", name,
                                                   " for one from the working directory"));
  }
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (abstract && name.size() == 1) return absl::InvalidArgumentError(absl::StrCat(key.text(), ": no name after the @"));
  // A path keeps its final zero byte; an abstract name begins with one, in place of the @.
  if (name.size() + (abstract ? 0 : 1) > sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(key.text(), ": ", name.size(),
                                                   " bytes are too long for a Unix socket's name (", sizeof(address.sun_path) - 1,
                                                   " at most)"));
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  if (abstract) {
    address.sun_path[0] = '\0';
  } else {
    options.path = std::string(name);
  }
  std::memcpy(&options.address.storage, &address, sizeof(address));
  options.address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));

  auto buffers = ParseBufferOptions(key);
  if (!buffers.ok()) return buffers.status();
  options.buffers = *buffers;
  auto backlog = ParseBacklog(key);
  if (!backlog.ok()) return backlog.status();
  options.backlog = *backlog;
  if (absl::Status mode = key.ReadOption("mode", 0, 07777, options.mode, 8); !mode.ok()) return mode;
  if (abstract && options.mode >= 0) {
    return absl::InvalidArgumentError(absl::StrCat(key.text(), ": option \"mode\": an abstract name has no file"));
  }
  return options;
}

// Neither end of a Unix socket has an address beside the listener's.
PeerInfo PeerOf(int fd, const TransportKey& key) {
  PeerInfo peer;
  peer.address = absl::StrCat("unix:", key.address().front() == '/' ? "//" : "", key.address());
  ucred credentials = {};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer.credentials = PeerInfo::Credentials{credentials.pid, credentials.uid, credentials.gid};
  }
  return peer;
}

absl::StatusOr<SocketAttempt> Plan(const TransportKey& key) {
  auto options = ParseUnixKey(key);
  if (!options.ok()) return options.status();
  SocketAttempt attempt;
  attempt.addresses = {options->address};
  attempt.configure = [options = *std::move(options)](int fd) { return Apply(options.buffers, fd, options.where); };
  attempt.peer = [key](int fd, const SocketAddress&) { return PeerOf(fd, key); };
  return attempt;
}

absl::StatusOr<std::unique_ptr<ChannelGenerator>> Dial(const TransportKey& key) {
  if (const auto options = ParseUnixKey(key); !options.ok()) return options.status();
  return NewSocketDialer(key, &Plan);
}

absl::StatusOr<UniqueFd> NewSocket(absl::string_view where) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError(errno, where, "socket");
  return socket;
}

// Removes a socket file that a listener left behind when it died. OK if the path is free now.
// Errors: UNAVAILABLE if somebody listens, FAILED_PRECONDITION if the file is no socket.
absl::Status RemoveStaleFile(const UnixOptions& options) {
  struct stat file;
  if (lstat(options.path.c_str(), &file) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError(errno, options.where, "lstat");
  }
  if (!S_ISSOCK(file.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.where, ": there is a file that is no socket: choose another path or move it away"));
  }
  auto probe = NewSocket(options.where);
  if (!probe.ok()) return probe.status();
  // EAGAIN: somebody listens, with a full backlog.
  if (::connect(probe->get(), options.address.get(), options.address.size) == 0 || errno == EAGAIN) {
    return SystemError(EADDRINUSE, options.where, "bind");
  }
  if (errno != ECONNREFUSED)
    return errno == ENOENT ? absl::OkStatus() : SystemError(errno, options.where, "connect to the old socket");
  if (unlink(options.path.c_str()) != 0 && errno != ENOENT) return SystemError(errno, options.where, "unlink the old socket");
  return absl::OkStatus();
}

// Locks the path's folder while a listener checks, removes and binds: two that start at once must not take each other's new file
// for an old one.
UniqueFd LockFolder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Without the right to read the folder we go without: the lock is a courtesy, bind itself tells what is wrong.
  while (lock && flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  return lock;
}

absl::StatusOr<std::unique_ptr<ChannelGenerator>> Listen(const TransportKey& key) {
  auto options = ParseUnixKey(key);
  if (!options.ok()) return options.status();
  auto socket = NewSocket(options->where);
  if (!socket.ok()) return socket.status();
  absl::Status applied = Apply(options->buffers, socket->get(), options->where);
  if (!applied.ok()) return applied;
  const bool has_file = !options->path.empty();
  UniqueFd lock;
  if (has_file) {
    lock = LockFolder(options->path);
    absl::Status removed = RemoveStaleFile(*options);
    if (!removed.ok()) return removed;
  }
  if (::bind(socket->get(), options->address.get(), options->address.size) != 0) return SystemError(errno, key.text(), "bind");
  std::unique_ptr<SocketFile> file = has_file ? std::make_unique<SocketFile>(options->path) : nullptr;
  // Before listen: until then nobody can connect.
  if (options->mode >= 0 && chmod(options->path.c_str(), static_cast<mode_t>(options->mode)) != 0) {
    return SystemError(errno, key.text(), "chmod");
  }
  if (::listen(socket->get(), options->backlog) != 0) return SystemError(errno, key.text(), "listen");
  SocketListenerParts parts;
  parts.socket = *std::move(socket);
  parts.file = std::move(file);
  parts.bound_key = key;
  parts.peer = [key](int fd, const SocketAddress&) { return PeerOf(fd, key); };
  return NewSocketListener(std::move(parts));
}

}  // namespace

TransportScheme NewUnixScheme() { return {"unix", &Dial, &Listen}; }

}  // namespace rain
