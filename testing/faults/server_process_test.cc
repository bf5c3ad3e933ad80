#include "listenrain/testing/faults/server_process_test.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

extern char** environ;

namespace rain {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
  }
  UniqueFd read, write;
};

std::string ReadLine(int fd) {
  std::string line;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';) line.push_back(c);
  return line;
}

}  // namespace

ServerProcess::ServerProcess(const TransportKey& key) {
  Pipe input, output;
  posix_spawn_file_actions_t files;
  EXPECT_EQ(posix_spawn_file_actions_init(&files), 0);
  EXPECT_EQ(posix_spawn_file_actions_adddup2(&files, input.read.get(), STDIN_FILENO), 0);
  EXPECT_EQ(posix_spawn_file_actions_adddup2(&files, output.write.get(), STDOUT_FILENO), 0);
  std::string program = RAIN_ECHO_SERVER;
  std::string argument = key.text();
  char* const values[] = {program.data(), argument.data(), nullptr};
  EXPECT_EQ(posix_spawn(&process_, program.c_str(), &files, nullptr, values, environ), 0) << program;
  EXPECT_EQ(posix_spawn_file_actions_destroy(&files), 0);
  input_ = std::move(input.write);
  output_ = std::move(output.read);
  output.write.reset();
  key_ = TransportKey(ReadLine(output_.get()));
  EXPECT_TRUE(key_.status().ok()) << "no server for " << key.text();
}

bool ServerProcess::Serve(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return true;
    pollfd death{output_.get(), POLLIN, 0};
    if (poll(&death, 1, static_cast<int>(left.count())) > 0) return false;
  }
}

void ServerProcess::Kill() {
  if (process_ < 0) return;
  EXPECT_EQ(kill(process_, SIGKILL), 0);
  int status = 0;
  pid_t ended = -1;
  do ended = waitpid(process_, &status, 0);
  while (ended < 0 && errno == EINTR);
  EXPECT_EQ(ended, process_);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it had ended by itself: " << status;
  process_ = -1;
}

}  // namespace rain
