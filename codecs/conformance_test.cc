// Our codecs under the suites that users' codecs run under.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "listenrain/codecs/capnp_codec.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/testing/message_codec_suite.h"
#include "listenrain/testing/message_subject.h"
#include "listenrain/testing/packet_codec_suite.h"

namespace rain {
namespace {

using testing::Combine;
using testing::IsEmpty;
using testing::Values;
using testing::ValuesIn;

std::string NameOf(const LengthPrefixOptions& options) {
  return absl::StrCat(options.width, options.order == ByteOrder::big ? "Big" : "Little",
                      options.counts_itself ? "CountsItself" : "");
}

PacketCodecSubject SubjectOf(const LengthPrefixOptions& options) {
  const auto width = static_cast<size_t>(options.width);
  PacketCodecSubject subject{.codec = NewLengthPrefixCodec(options).value()};
  if (width < 8) subject.max_payload = (size_t{1} << (8 * width)) - 1 - (options.counts_itself ? width : 0);
  if (options.counts_itself) subject.corrupt = {std::string(width, '\0')};
  if (width == 8) subject.corrupt.emplace_back(8, '\xff');
  if (width == 8 && options.counts_itself) subject.corrupt.pop_back();  // SIZE_MAX in all: a matter of limits
  return subject;
}

class LengthPrefixCodecs : public testing::TestWithParam<std::tuple<LengthPrefixOptions, PacketCodecCheck>> {};

TEST_P(LengthPrefixCodecs, Conform) {
  const auto& [options, check] = GetParam();
  EXPECT_THAT(check.run(SubjectOf(options)), IsEmpty());
}

std::vector<LengthPrefixOptions> AllOptions() {
  std::vector<LengthPrefixOptions> all;
  for (const int width : {1, 2, 4, 8}) {
    for (const ByteOrder order : {ByteOrder::big, ByteOrder::little}) {
      for (const bool counts_itself : {false, true}) all.push_back({width, order, counts_itself});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Suite, LengthPrefixCodecs, Combine(ValuesIn(AllOptions()), ValuesIn(PacketCodecChecks())),
                         [](const auto& tested) {
                           return absl::StrCat(NameOf(std::get<0>(tested.param)), "_", std::get<1>(tested.param).name);
                         });

struct NativeCodec {
  const char* name;
  std::shared_ptr<const MessageCodec<Message>> (*make)();
};

class NativeMessageCodecs : public testing::TestWithParam<std::tuple<NativeCodec, MessageCodecCheck>> {};

TEST_P(NativeMessageCodecs, Conform) {
  const auto& [native, check] = GetParam();
  EXPECT_THAT(check.run(NewMessageSubject(native.make())), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, NativeMessageCodecs,
                         Combine(Values(NativeCodec{"Compact", NewCompactCodec}, NativeCodec{"Capnp", NewCapnpCodec}),
                                 ValuesIn(MessageCodecChecks())),
                         [](const auto& tested) {
                           return absl::StrCat(std::get<0>(tested.param).name, "_", std::get<1>(tested.param).name);
                         });

}  // namespace
}  // namespace rain
