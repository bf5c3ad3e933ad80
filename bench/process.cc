#include "listenrain/bench/process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace rain::bench {
namespace {

// What the system says after `word` in a file about the process, in bytes.
absl::StatusOr<uint64_t> Kibibytes(pid_t process, absl::string_view file, absl::string_view word) {
  const std::string path = absl::StrCat("/proc/", process, "/", file);
  std::ifstream lines(path);
  for (std::string found; lines >> found;) {
    uint64_t kibibytes = 0;
    if (found == word && lines >> kibibytes) return kibibytes << 10;
  }
  return absl::NotFoundError(absl::StrCat(path, " has no ", word));
}

}  // namespace

absl::Status SystemError(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(error)));
}

absl::StatusOr<ChildProcess> ChildProcess::Start(absl::string_view name, absl::FunctionRef<absl::Status()> body) {
  std::fflush(nullptr);  // else both processes write what is buffered
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return SystemError("fork", errno);
  if (pid == 0) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(1);
    const absl::Status ended = body();
    if (!ended.ok()) std::fprintf(stderr, "%s: %s\n", std::string(name).c_str(), ended.ToString().c_str());
    std::fflush(nullptr);
    ::_exit(ended.ok() ? 0 : 1);
  }
  // By its number: <sys/pidfd.h> of glibc 2.36 has no C linkage in C++.
  ChildProcess child(name, pid, Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (!child.handle_.valid()) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return SystemError("pidfd_open", error);
  }
  return child;
}

ChildProcess::~ChildProcess() {
  if (!handle_.valid()) return;
  ::kill(pid_, SIGKILL);  // not reaped yet, so the id is still its
  ::waitpid(pid_, nullptr, 0);
}

absl::Status ChildProcess::Wait(absl::Duration at_most) {
  pollfd ended{handle_.get(), POLLIN, 0};
  const int ready = ::poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(at_most)));
  if (ready < 0) return SystemError("poll", errno);
  if (ready == 0) {
    return absl::DeadlineExceededError(absl::StrCat(name_, " did not end within ", absl::FormatDuration(at_most)));
  }
  int how = 0;
  if (::waitpid(pid_, &how, 0) != pid_) return SystemError("waitpid", errno);
  handle_.Close();
  if (WIFEXITED(how) && WEXITSTATUS(how) == 0) return absl::OkStatus();
  return absl::InternalError(WIFSIGNALED(how) ? absl::StrCat(name_, " was killed by signal ", WTERMSIG(how))
                                              : absl::StrCat(name_, " exited with ", WEXITSTATUS(how)));
}

absl::StatusOr<Rendezvous> Rendezvous::New() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return SystemError("socketpair", errno);
  return Rendezvous(Descriptor(ends[0]), Descriptor(ends[1]));
}

absl::Status Rendezvous::Announce(absl::string_view address) {
  if (::send(server_.get(), address.data(), address.size(), MSG_NOSIGNAL) < 0) {
    return SystemError("telling the client the address", errno);
  }
  return absl::OkStatus();
}

absl::Status Rendezvous::AwaitEnd() {
  char nothing;
  if (::recv(server_.get(), &nothing, 1, 0) != 0) return SystemError("waiting for the client's end", errno);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Rendezvous::AwaitAddress() {
  char address[512];
  const ssize_t size = ::recv(client_.get(), address, sizeof(address), 0);
  if (size < 0) return SystemError("waiting for the server's address", errno);
  if (size == 0) return absl::UnavailableError("the server ended before it listened");
  return std::string(address, static_cast<size_t>(size));
}

absl::StatusOr<std::string> ReadAll(int descriptor) {
  std::string all;
  char piece[4096];
  for (;;) {
    const ssize_t size = ::read(descriptor, piece, sizeof(piece));
    if (size < 0) return SystemError("read", errno);
    if (size == 0) return all;
    all.append(piece, static_cast<size_t>(size));
  }
}

absl::Status WriteAll(int descriptor, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(descriptor, bytes.data(), bytes.size());
    if (size < 0) return SystemError("write", errno);
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> ProcessorTimeOf(pid_t process) {
  clockid_t clock;
  if (const int error = ::clock_getcpuclockid(process, &clock); error != 0) return SystemError("clock_getcpuclockid", error);
  timespec used;
  if (::clock_gettime(clock, &used) != 0) return SystemError("clock_gettime of a process", errno);
  return absl::DurationFromTimespec(used);
}

absl::StatusOr<uint64_t> PeakResidentBytesOf(pid_t process) { return Kibibytes(process, "status", "VmHWM:"); }

absl::StatusOr<uint64_t> AnonymousBytesOf(pid_t process) { return Kibibytes(process, "smaps_rollup", "Anonymous:"); }

}  // namespace rain::bench
