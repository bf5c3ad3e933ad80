// The two sides of a run as two processes: forking, how they meet and part, and what each has used.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "listenrain/bench/descriptor.h"

namespace rain::bench {

// "what: the system's text", with a code of its own for nothing: in a benchmark every system error ends the run.
absl::Status SystemError(absl::string_view what, int error);

// A process of ours, killed and reaped when this is destroyed. Thread: the one that started it.
class ChildProcess {
 public:
  // Forks, so no other thread may exist yet. The child runs `body` and exits with 0, or prints the status and exits with 1; it
  // is killed when the calling thread ends.
  static absl::StatusOr<ChildProcess> Start(absl::string_view name, absl::FunctionRef<absl::Status()> body);
  ChildProcess(ChildProcess&&) noexcept = default;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  // Errors: DEADLINE_EXCEEDED if it does not end in time, INTERNAL if it ended in any way but by exiting with 0.
  absl::Status Wait(absl::Duration at_most);

 private:
  ChildProcess(absl::string_view name, pid_t pid, Descriptor handle) : name_(name), pid_(pid), handle_(std::move(handle)) {}

  std::string name_;
  pid_t pid_;
  Descriptor handle_;  // a pidfd; gone once reaped
};

// How server and client of one run meet and part. Made before they become two processes (or threads); each uses its half.
class Rendezvous {
 public:
  static absl::StatusOr<Rendezvous> New();

  // The server's half. Announce is called once, as soon as it listens; AwaitEnd blocks until the client ended, or died.
  absl::Status Announce(absl::string_view address);
  absl::Status AwaitEnd();
  // The client's. Errors: UNAVAILABLE if the server ended without announcing.
  absl::StatusOr<std::string> AwaitAddress();
  void End() { client_.Close(); }

  // After a fork, each process drops the other's half, so that it sees the other end.
  void DropClient() { client_.Close(); }
  void DropServer() { server_.Close(); }

 private:
  Rendezvous(Descriptor server, Descriptor client) : server_(std::move(server)), client_(std::move(client)) {}

  Descriptor server_;
  Descriptor client_;
};

// All that a process wrote to the pipe until it closed it; the other way round, all of `bytes`.
absl::StatusOr<std::string> ReadAll(int descriptor);
absl::Status WriteAll(int descriptor, absl::string_view bytes);

// Processor time of all its threads so far. Errors: of the system, if there is no such process.
absl::StatusOr<absl::Duration> ProcessorTimeOf(pid_t process);
// The most memory it ever had resident.
absl::StatusOr<uint64_t> PeakResidentBytesOf(pid_t process);
// The memory it has resident now that is no file's.
absl::StatusOr<uint64_t> AnonymousBytesOf(pid_t process);

}  // namespace rain::bench
