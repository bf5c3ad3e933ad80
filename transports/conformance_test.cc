// The channel suite, run by every kind of channel that is ours, on the libuv loop.
#include <dirent.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/testing/scale.h"
#include "listenrain/transports/inproc.h"
#include "listenrain/transports/tcp.h"
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

TransportKey SocketFile() { return absl::StrCat("unix://", testing::TempDir(), "rain-conformance-", ::getpid()); }

ChannelSubject OnUvLoops(TransportScheme (*scheme)(), const TransportKey& listen_key, bool two_loops) {
  static const std::shared_ptr<Loop> opens_what_libuv_keeps = NewUvLoop();
  return {.scheme = scheme,
          .listen_key = listen_key,
          .new_loop = [] { return NewUvLoop(); },
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

class Tcp : public testing::TestWithParam<ChannelCheck> {};
TEST_P(Tcp, ConformsOnOneLoop) {
  EXPECT_THAT(GetParam().run(OnUvLoops(NewTcpScheme, "tcp://127.0.0.1:0", false)), testing::IsEmpty());
}
TEST_P(Tcp, ConformsOnTwoLoops) {
  EXPECT_THAT(GetParam().run(OnUvLoops(NewTcpScheme, "tcp://127.0.0.1:0", true)), testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Suite, Tcp, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

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
