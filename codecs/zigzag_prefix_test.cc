#include "listenrain/codecs/zigzag_prefix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/escaping.h"
#include "listenrain/testing/packet_codec_suite.h"

namespace rain {
namespace {

using absl::StatusCode;

std::shared_ptr<const PacketCodec> Make(uint64_t max) { return NewZigzagPrefixCodec({.max_payload_bytes = max}).value(); }

std::string HeaderOf(const PacketCodec& codec, size_t size) {
  const std::string payload(size, 'x');
  std::string header(codec.traits().max_header, '?');
  const auto frame = codec.EncodePacket({absl::MakeConstSpan(payload)}, absl::MakeSpan(header), {});
  return frame.ok() ? absl::BytesToHexString(header) : frame.status().ToString();
}

absl::StatusOr<PacketShape> ShapeOf(const PacketCodec& codec, absl::string_view hex) {
  ScanState scan;
  return codec.DecodePacket(absl::HexStringToBytes(hex), scan);
}

TEST(ZigzagPrefix, TheLongestPayloadGivesTheHeadersSize) {
  for (const int max : {1, 2, 4, 8, 32, 64, 255}) EXPECT_EQ(ZigzagHeaderBytes(static_cast<uint64_t>(max)), 2u) << max;
  for (const int max : {256, 257, 512, 2048, 4096, 8192, 65535})
    EXPECT_EQ(ZigzagHeaderBytes(static_cast<uint64_t>(max)), 3u) << max;
  for (const int max : {65536, 16777215}) EXPECT_EQ(ZigzagHeaderBytes(static_cast<uint64_t>(max)), 4u) << max;
  EXPECT_EQ(ZigzagHeaderBytes(16777216), 5u);
  EXPECT_EQ(NewZigzagPrefixCodec().value()->traits().max_header, 3u);
}

TEST(ZigzagPrefix, WritesTwiceTheLengthLowestBitsFirst) {
  const auto codec = Make(2048);
  EXPECT_EQ(HeaderOf(*codec, 0), "000000");
  EXPECT_EQ(HeaderOf(*codec, 5), "0a0000");
  EXPECT_EQ(HeaderOf(*codec, 63), "7e0000");
  EXPECT_EQ(HeaderOf(*codec, 64), "800100");
  EXPECT_EQ(HeaderOf(*codec, 110), "dc0100");
  EXPECT_EQ(HeaderOf(*codec, 2048), "802000");
  EXPECT_EQ(HeaderOf(*Make(4096), 4096), "804000");
  EXPECT_EQ(HeaderOf(*Make(255), 255), "fe03");
}

TEST(ZigzagPrefix, ReadsWhatItWrites) {
  for (const uint64_t max : {uint64_t{1}, uint64_t{255}, uint64_t{4096}, uint64_t{70'000}, uint64_t{1} << 40}) {
    const auto codec = Make(max);
    for (size_t size = 0; size <= std::min<uint64_t>(max, 70'000); size += size < 300 ? 1 : 997) {
      const auto shape = ShapeOf(*codec, HeaderOf(*codec, size));
      ASSERT_TRUE(shape.ok()) << shape.status();
      ASSERT_EQ(shape->total, size + codec->traits().max_header);
      ASSERT_TRUE(shape->exact);
    }
  }
}

TEST(ZigzagPrefix, RefusesHeadersThatNoEncoderWrites) {
  const auto codec = Make(2048);
  for (const char* hex : {"010000", "808080", "ffffff", "8a0000", "0a0001", "0a0100", "800080", "822000"}) {
    EXPECT_EQ(ShapeOf(*codec, hex).status().code(), StatusCode::kDataLoss) << hex;
  }
}

TEST(ZigzagPrefix, LengthsBeyondThirtyTwoBitsAreWhole) {
  const auto codec = Make((uint64_t{1} << 62) - 1);
  ASSERT_EQ(codec->traits().max_header, 9u);
  EXPECT_EQ(ShapeOf(*codec, "feffffffffffffff7f")->total, (uint64_t{1} << 62) - 1 + 9);
  EXPECT_EQ(ShapeOf(*codec, "808080808040000000")->total, (uint64_t{1} << 40) + 9);
  EXPECT_EQ(ShapeOf(*codec, "ffffffffffffffff7f").status().code(), StatusCode::kDataLoss);
}

TEST(ZigzagPrefix, RefusesMaximaThatItCannotSay) {
  EXPECT_EQ(NewZigzagPrefixCodec({.max_payload_bytes = 0}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NewZigzagPrefixCodec({.max_payload_bytes = uint64_t{1} << 62}).status().code(), StatusCode::kInvalidArgument);
}

class ZigzagPrefixes : public testing::TestWithParam<std::tuple<uint64_t, PacketCodecCheck>> {};

TEST_P(ZigzagPrefixes, Conform) {
  const auto& [max, check] = GetParam();
  const PacketCodecSubject subject{.codec = Make(max),
                                   .max_payload = max,
                                   .corrupt = {std::string(9, '\x80'), std::string(9, '\xff'), std::string(9, '\x01')}};
  EXPECT_THAT(check.run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, ZigzagPrefixes,
                         testing::Combine(testing::Values(1, 255, 4096, 65535, 1 << 24), testing::ValuesIn(PacketCodecChecks())),
                         [](const auto& tested) {
                           return absl::StrCat(std::get<0>(tested.param), "_", std::get<1>(tested.param).name);
                         });

}  // namespace
}  // namespace rain
