#include "listenrain/testing/faults/raw_socket_test.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "listenrain/testing/faults/signal_test.h"
#include "listenrain/transports/unique_fd.h"

namespace rain {
namespace {

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// tcp://127.0.0.1:port, unix:///path
Address AddressOf(const TransportKey& key) {
  Address address;
  const std::string text(key.address());
  if (key.scheme() == "unix") {
    sockaddr_un at = {};
    at.sun_family = AF_UNIX;
    EXPECT_LT(text.size(), sizeof(at.sun_path));
    std::memcpy(at.sun_path, text.c_str(), text.size() + 1);
    std::memcpy(&address.storage, &at, sizeof(at));
    address.size = sizeof(at);
    return address;
  }
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  const size_t colon = text.rfind(':');
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text.substr(colon + 1), &port)) << text;
  at.sin_port = htons(static_cast<uint16_t>(port));
  EXPECT_EQ(inet_pton(AF_INET, text.substr(0, colon).c_str(), &at.sin_addr), 1) << text;
  std::memcpy(&address.storage, &at, sizeof(at));
  address.size = sizeof(at);
  return address;
}

class SocketPeer final : public RawPeer {
 public:
  explicit SocketPeer(UniqueFd socket) : socket_(std::move(socket)) {
    const timeval patience{kPatience.count(), 0};
    EXPECT_EQ(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    EXPECT_EQ(setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
  }

  bool Write(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t taken = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (taken < 0 && errno == EINTR) continue;
      if (taken < 0) {
        EXPECT_NE(errno, EAGAIN) << "nothing was taken for " << kPatience.count() << " s";
        return false;
      }
      bytes.remove_prefix(static_cast<size_t>(taken));
    }
    return true;
  }

  std::string Read(size_t bytes) override {
    std::string read(bytes, '\0');
    size_t got = 0;
    while (got < bytes) {
      const ssize_t now = recv(socket_.get(), read.data() + got, bytes - got, 0);
      if (now < 0 && errno == EINTR) continue;
      if (now < 0) {
        EXPECT_NE(errno, EAGAIN) << "nothing came for " << kPatience.count() << " s";
        break;
      }
      if (now == 0) break;
      got += static_cast<size_t>(now);
    }
    read.resize(got);
    return read;
  }

  void HalfClose() override { EXPECT_EQ(shutdown(socket_.get(), SHUT_WR), 0); }

  void Reset() override {
    const linger at_once{1, 0};
    EXPECT_EQ(setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    socket_.reset();
  }

 private:
  UniqueFd socket_;
};

class SocketAcceptor final : public RawListener {
 public:
  SocketAcceptor(const TransportKey& key, int backlog) : key_(key) {
    Address address = AddressOf(key);
    socket_ = UniqueFd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_TRUE(socket_);
    EXPECT_EQ(bind(socket_.get(), address.get(), address.size), 0) << key.text() << ": " << std::strerror(errno);
    EXPECT_EQ(listen(socket_.get(), backlog), 0);
    if (address.family() != AF_INET) return;
    sockaddr_in bound = {};
    socklen_t size = sizeof(bound);
    EXPECT_EQ(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound), &size), 0);
    key_ = TransportKey(absl::StrCat("tcp://127.0.0.1:", ntohs(bound.sin_port)));
  }
  ~SocketAcceptor() override {
    if (key_.scheme() == "unix") unlink(std::string(key_.address()).c_str());
  }

  TransportKey key() const override { return key_; }
  std::unique_ptr<RawPeer> Accept() override {
    UniqueFd accepted(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(accepted) << std::strerror(errno);
    return std::make_unique<SocketPeer>(std::move(accepted));
  }

 private:
  TransportKey key_;
  UniqueFd socket_;
};

}  // namespace

std::unique_ptr<RawPeer> DialRawSocket(const TransportKey& key) {
  Address address = AddressOf(key);
  UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(fd.get(), address.get(), address.size), 0) << key.text() << ": " << std::strerror(errno);
  return std::make_unique<SocketPeer>(std::move(fd));
}

std::unique_ptr<RawListener> ListenRawSocket(const TransportKey& key, int backlog) {
  return std::make_unique<SocketAcceptor>(key, backlog);
}

}  // namespace rain
