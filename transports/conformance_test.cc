// The channel suite, run by every kind of channel that is ours, on the libuv loop.
#include <dirent.h>
#include <unistd.h>

#include <latch>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/testing/scale.h"
#include "listenrain/transports/certificates_test.h"
#include "listenrain/transports/inproc.h"
#include "listenrain/transports/tcp.h"
#include "listenrain/transports/tls.h"
#include "listenrain/transports/unix.h"
#include "listenrain/transports/uv_loop.h"

namespace rain {
namespace {

size_t OpenDescriptors() {
  DIR* const listing = ::opendir("/proc/self/fd");
  if (listing == nullptr) return 0;
  size_t count = 0;
  while (::readdir(listing) != nullptr) ++count;
  ::closedir(listing);
  return count;
}

// Writes in each turn, for some turns; then its channel is destroyed.
class Busy final : private ChannelEvents {
 public:
  Busy(Loop& loop, BufferPool& pool, std::unique_ptr<Channel> channel, std::latch& gone)
      : loop_(loop), pool_(pool), gone_(gone), channel_(std::move(channel)) {
    channel_->Start(loop_, *this);
  }
  void Go(std::shared_ptr<Busy> self, int64_t turns) {
    if (turns == 0) {
      channel_.reset();
      return gone_.count_down();
    }
    const Buffer piece = pool_.Allocate(3000);
    channel_->Write({&piece, 1});
    loop_.Run([self, turns] { self->Go(self, turns - 1); });
  }

 private:
  Buffer ReadBuffer(size_t) override { return Buffer(); }
  void OnRead(Buffer) override {}
  void OnDrained() override {}
  void OnEnd() override {}
  void OnClosed(absl::Status) override {}

  Loop& loop_;
  BufferPool& pool_;
  std::latch& gone_;
  std::unique_ptr<Channel> channel_;
};

TransportKey SocketFile() { return absl::StrCat("unix://", testing::TempDir(), "rain-conformance-", ::getpid()); }

ChannelSubject OnUvLoops(TransportScheme (*scheme)(), const TransportKey& listen_key, bool two_loops) {
  static const std::shared_ptr<Loop> opens_what_libuv_keeps = NewUvLoop().value();
  return {.scheme = scheme,
          .listen_key = listen_key,
          .new_loop = [] { return NewUvLoop().value(); },
          .two_loops = two_loops,
          .large_bytes = static_cast<size_t>(Scaled(32, 8, 256)) << 20,
          .open_descriptors = OpenDescriptors,
          .patience = absl::Seconds(Scaled(10, 60, 60))};
}

TransportScheme Inproc() { return NewInprocScheme(); }

class InprocOnUvLoops : public testing::TestWithParam<ChannelCheck> {};
TEST_P(InprocOnUvLoops, ConformsOnOne) {
  EXPECT_THAT(GetParam().run(OnUvLoops(Inproc, "inproc://here", false)), testing::IsEmpty());
}
TEST_P(InprocOnUvLoops, ConformsOnTwo) {
  EXPECT_THAT(GetParam().run(OnUvLoops(Inproc, "inproc://here", true)), testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Suite, InprocOnUvLoops, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

// Each end in a state of its own when it goes, on its own thread: what is written may be on its way, taken, or abandoned.
TEST(InprocOnTwoThreads, EndsGoAtAnyTimeWhileTheOtherIsBusy) {
  const std::shared_ptr<Loop> loops[] = {NewUvLoop().value(), NewUvLoop().value()};
  const auto pool = NewBufferPool();
  for (int64_t round = 0; round < Scaled(300, 100, 10000); ++round) {
    const TransportScheme scheme = NewInprocScheme();
    auto listener = *scheme.listen("inproc://here?pipe=4096");
    auto dialer = *scheme.dial("inproc://here");
    std::latch gone(2);
    const auto live = [&](Loop& loop, ChannelGenerator& generator, int64_t turns) {
      loop.Run([&, turns] {
        generator.Next(loop, [&, turns](absl::StatusOr<std::unique_ptr<Channel>> made) {
          auto busy = std::make_shared<Busy>(loop, *pool, *std::move(made), gone);
          busy->Go(busy, turns);
        });
      });
    };
    live(*loops[0], *listener, round % 7);
    live(*loops[1], *dialer, round % 11);
    gone.wait();
    for (int i : {0, 1}) {
      std::latch dropped(1);
      loops[i]->Run([&] {
        (i == 0 ? listener : dialer).reset();
        dropped.count_down();
      });
      dropped.wait();
    }
  }
  EXPECT_EQ(pool->bytes_in_use(), 0u);
}

class Tcp : public testing::TestWithParam<ChannelCheck> {};
TEST_P(Tcp, ConformsOnOneLoop) {
  EXPECT_THAT(GetParam().run(OnUvLoops(NewTcpScheme, "tcp://127.0.0.1:0", false)), testing::IsEmpty());
}
TEST_P(Tcp, ConformsOnTwoLoops) {
  EXPECT_THAT(GetParam().run(OnUvLoops(NewTcpScheme, "tcp://127.0.0.1:0", true)), testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Suite, Tcp, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

TransportScheme Tls() { return NewTlsScheme(); }
TransportKey TlsKey() { return absl::StrCat("tls://127.0.0.1:0?", LoopbackTlsOptions()); }

class TlsOverTcp : public testing::TestWithParam<ChannelCheck> {};
TEST_P(TlsOverTcp, ConformsOnOneLoop) { EXPECT_THAT(GetParam().run(OnUvLoops(Tls, TlsKey(), false)), testing::IsEmpty()); }
TEST_P(TlsOverTcp, ConformsOnTwoLoops) { EXPECT_THAT(GetParam().run(OnUvLoops(Tls, TlsKey(), true)), testing::IsEmpty()); }
INSTANTIATE_TEST_SUITE_P(Suite, TlsOverTcp, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

class UnixPath : public testing::TestWithParam<ChannelCheck> {};
TEST_P(UnixPath, ConformsOnOneLoop) {
  EXPECT_THAT(GetParam().run(OnUvLoops(NewUnixScheme, SocketFile(), false)), testing::IsEmpty());
}
TEST_P(UnixPath, ConformsOnTwoLoops) {
  EXPECT_THAT(GetParam().run(OnUvLoops(NewUnixScheme, SocketFile(), true)), testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Suite, UnixPath, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

class UnixAbstractName : public testing::TestWithParam<ChannelCheck> {};
TEST_P(UnixAbstractName, ConformsOnTwoLoops) {
  const TransportKey key(absl::StrCat("unix:@rain-conformance-", ::getpid()));
  EXPECT_THAT(GetParam().run(OnUvLoops(NewUnixScheme, key, true)), testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Suite, UnixAbstractName, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

}  // namespace
}  // namespace rain
