#include "listenrain/transports/unix.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "listenrain/transports/generators_test.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {
namespace {

// A folder of the test's own, with what is left in it.
class UnixSocket : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "rainXXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    path_ = folder + "/s";
    key_ = "unix://" + path_;
  }
  void TearDown() override {
    unlink(path_.c_str());
    EXPECT_EQ(rmdir(path_.substr(0, path_.size() - 2).c_str()), 0) << "something was left in the folder";
  }
  bool Exists() const {
    struct stat file;
    return lstat(path_.c_str(), &file) == 0;
  }
  // A socket file whose listener died without removing it.
  void LeaveStaleFile() {
    UniqueFd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(dead.get(), 1), 0);
  }

  const TransportScheme scheme_ = NewUnixScheme();
  std::string path_;
  std::string key_;
};

TEST_F(UnixSocket, CarriesBytesOverAPathAndOverAbstractNames) {
  const std::string name = "@rain-test-" + std::to_string(getpid());
  for (const std::string& key : {key_, "unix:" + name, "unix://" + name}) {
    SCOPED_TRACE(key);
    DrivenLoop loop;
    auto listener = Listen(scheme_, key);
    auto dialer = Dial(scheme_, listener->bound_key());
    ConnectedPair pair = Connect(loop, *dialer, *listener);
    ExpectEcho(loop, pair);
  }
}

TEST_F(UnixSocket, TheSystemVouchesForBothSides) {
  DrivenLoop loop;
  auto listener = Listen(scheme_, key_ + "?backlog=5");
  auto dialer = Dial(scheme_, key_);
  ConnectedPair pair = Connect(loop, *dialer, *listener);
  for (const Channel* channel : {pair.dialed.get(), pair.accepted.get()}) {
    EXPECT_EQ(channel->peer()->address, key_);
    ASSERT_TRUE(channel->peer()->credentials.has_value());
    EXPECT_EQ(channel->peer()->credentials->process, getpid());
    EXPECT_EQ(channel->peer()->credentials->user, getuid());
    EXPECT_EQ(channel->peer()->credentials->group, getgid());
  }
}

TEST_F(UnixSocket, AFileThatADeadListenerLeftIsReplaced) {
  LeaveStaleFile();
  DrivenLoop loop;
  auto dialer = Dial(scheme_, key_);
  EXPECT_EQ(Next(loop, *dialer).status().code(), absl::StatusCode::kUnavailable);
  auto listener = Listen(scheme_, key_);
  ConnectedPair pair = Connect(loop, *dialer, *listener);
  ExpectEcho(loop, pair);
}

TEST_F(UnixSocket, APathOnWhichSomebodyListensIsInUse) {
  DrivenLoop loop;
  auto listener = Listen(scheme_, key_);
  const auto second = scheme_.listen(key_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  auto dialer = Dial(scheme_, key_);
  // The probe of the second listener was a peer as well, already gone.
  auto probe = Next(loop, *listener);
  EXPECT_TRUE(probe.ok()) << probe.status();
  ConnectedPair pair = Connect(loop, *dialer, *listener);
  ExpectEcho(loop, pair);
}

TEST_F(UnixSocket, AnAbstractNameOnWhichSomebodyListensIsInUse) {
  const std::string key = "unix:@rain-test-used-" + std::to_string(getpid());
  auto listener = Listen(scheme_, key);
  EXPECT_EQ(scheme_.listen(key).status().code(), absl::StatusCode::kUnavailable);
  listener.reset();
  EXPECT_TRUE(scheme_.listen(key).ok()) << "it is free again";
}

TEST_F(UnixSocket, AFileThatIsNoSocketStays) {
  std::ofstream(path_) << "precious";
  const auto listener = scheme_.listen(key_);
  EXPECT_EQ(listener.status().code(), absl::StatusCode::kFailedPrecondition);
  std::string text;
  std::ifstream(path_) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(UnixSocket, TheFileGoesWithTheListener) {
  auto listener = Listen(scheme_, key_);
  EXPECT_TRUE(Exists());
  listener.reset();
  EXPECT_FALSE(Exists());
}

TEST_F(UnixSocket, AFileThatIsNoLongerOursStays) {
  auto listener = Listen(scheme_, key_);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  auto successor = Listen(scheme_, key_);
  listener.reset();
  EXPECT_TRUE(Exists()) << "the successor's file was removed";
  DrivenLoop loop;
  auto dialer = Dial(scheme_, key_);
  ConnectedPair pair = Connect(loop, *dialer, *successor);
}

TEST_F(UnixSocket, TheFileGetsTheModeAskedForWhateverTheUmask) {
  auto listener = Listen(scheme_, key_ + "?mode=0666");
  struct stat file;
  ASSERT_EQ(lstat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777u, 0666u);
}

TEST_F(UnixSocket, NobodyListeningIsUnavailable) {
  DrivenLoop loop;
  auto dialer = Dial(scheme_, key_);
  const auto outcome = Next(loop, *dialer);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(outcome.status().message().find(path_), absl::string_view::npos) << outcome.status();
}

TEST_F(UnixSocket, AMissingFolderIsAnErrorOfListen) {
  EXPECT_EQ(scheme_.listen(key_ + "/no/folder").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(UnixSocket, SaysWhatIsWrongWithAKey) {
  const struct {
    std::string key;
    std::string named;
  } cases[] = {
      {"unix:///" + std::string(120, 'x'), "too long"},
      {"unix:@" + std::string(120, 'x'), "too long"},
      {"unix:@", "no name"},
      {"unix://run/x.sock", "unix:///run/x.sock"},
      {key_ + "?mode=999", "mode"},
      {key_ + "?mode=rw", "mode"},
      {"unix:@name?mode=600", "mode"},
      {key_ + "?nodelay=1", "nodelay"},
      {key_ + "?backlog=0", "backlog"},
      {key_ + "?sndbuf=-1", "sndbuf"},
      {key_ + "?rcvbuf=", "rcvbuf"},
  };
  for (const auto& wrong : cases) {
    for (const auto& function : {scheme_.dial, scheme_.listen}) {
      const auto made = function(wrong.key);
      EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << wrong.key;
      EXPECT_NE(made.status().message().find(wrong.named), absl::string_view::npos) << made.status();
    }
  }
}

TEST_F(UnixSocket, TheLongestPathsThatFitWork) {
  const std::string name = "unix:@" + std::string(107 - 20, 'n') + std::to_string(getpid());
  EXPECT_TRUE(scheme_.listen(name).ok());
}

}  // namespace
}  // namespace rain
