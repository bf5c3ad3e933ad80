// The example codecs under the suites.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>

#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/message_codec_suite.h"
#include "listenrain/testing/packet_codec_suite.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

using testing::IsEmpty;
using testing::ValuesIn;

class LinePackets : public testing::TestWithParam<PacketCodecCheck> {};

TEST_P(LinePackets, Conform) {
  const PacketCodecSubject subject{.codec = NewLinePacketCodec(),
                                   .payload =
                                       [](size_t size) {
                                         std::string line(size, '\0');
                                         for (size_t i = 0; i < size; ++i) line[i] = static_cast<char>(' ' + i % 95);
                                         return line;
                                       },
                                   .refused = {"\n", "a\nb", "a\n"}};
  EXPECT_THAT(GetParam().run(subject), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, LinePackets, ValuesIn(PacketCodecChecks()), PacketCodecCheckName());

class LineMessages : public testing::TestWithParam<MessageCodecCheck> {};

TEST_P(LineMessages, Conform) {
  const auto subject = NewMessageCodecSubject<std::string>(NewLineCodec(), {"", "get", "set key value", std::string(2000, 'x')},
                                                           [](const std::string& line) { return line; });
  EXPECT_THAT(GetParam().run(subject), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, LineMessages, ValuesIn(MessageCodecChecks()), MessageCodecCheckName());

TEST(LineCodec, RoutesByTheFirstWord) {
  const auto codec = NewLineCodec();
  const std::string line = "set key value";
  EXPECT_EQ(codec->RouteOf(line), Route(absl::string_view("set")));
  const std::string word = "quit";
  EXPECT_EQ(codec->RouteOf(word), Route(absl::string_view("quit")));
}

class UuidMessages : public testing::TestWithParam<std::tuple<UuidForm, MessageCodecCheck>> {};

TEST_P(UuidMessages, Conform) {
  const auto& [form, check] = GetParam();
  const auto id = [form = form](char fill) { return std::string(form == UuidForm::binary ? 16 : 36, fill); };
  const auto subject = NewMessageCodecSubject<UuidMessage>(
      NewUuidCodec(form), {{id('a'), ""}, {id('\xff'), "hello"}, {id('\0'), std::string(1000, 't')}},
      [](const UuidMessage& message) { return absl::StrCat(absl::CHexEscape(message.id), " ", message.text); });
  EXPECT_THAT(check.run(subject), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, UuidMessages,
                         testing::Combine(testing::Values(UuidForm::binary, UuidForm::text), ValuesIn(MessageCodecChecks())),
                         [](const auto& tested) {
                           return absl::StrCat(std::get<0>(tested.param) == UuidForm::binary ? "Binary_" : "Text_",
                                               std::get<1>(tested.param).name);
                         });

TEST(UuidCodec, RefusesIdsOfAnotherWidth) {
  const auto pool = NewBufferPool();
  PooledWriter writer(*pool, 1 << 20);
  ASSERT_TRUE(writer.Begin().ok());
  EXPECT_EQ(NewUuidCodec(UuidForm::binary)->EncodeMessage({}, {std::string(36, 'a'), "text"}, writer).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace rain
