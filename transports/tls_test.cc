// What is particular to TLS; what every channel must do is in testing/channel_suite.h.
#include "listenrain/transports/tls.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "listenrain/testing/channel_suite.h"
#include "listenrain/testing/manual_loop.h"
#include "listenrain/testing/recording_events.h"
#include "listenrain/transports/certificates_test.h"
#include "listenrain/transports/inproc.h"

namespace rain {
namespace {

TransportScheme TlsOverInproc() { return NewTlsScheme("tls+inproc", NewInprocScheme()); }

ChannelSubject Subject(const std::string& options, bool two_loops) {
  return {.scheme = TlsOverInproc,
          .listen_key = absl::StrCat("tls+inproc://localhost?", LoopbackTlsOptions(), options),
          .two_loops = two_loops,
          .large_bytes = size_t{8} << 20,
          .most_taken_bytes = size_t{1} << 20};
}

class TlsOnManualLoops : public testing::TestWithParam<ChannelCheck> {};
TEST_P(TlsOnManualLoops, ConformsOnOne) { EXPECT_THAT(GetParam().run(Subject("", false)), testing::IsEmpty()); }
TEST_P(TlsOnManualLoops, ConformsOnTwo) { EXPECT_THAT(GetParam().run(Subject("", true)), testing::IsEmpty()); }
TEST_P(TlsOnManualLoops, ConformsOnASmallPipe) { EXPECT_THAT(GetParam().run(Subject("&pipe=4096", true)), testing::IsEmpty()); }
INSTANTIATE_TEST_SUITE_P(Suite, TlsOnManualLoops, testing::ValuesIn(ChannelChecks()), ChannelCheckName());

}  // namespace
}  // namespace rain
