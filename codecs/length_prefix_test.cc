#include "listenrain/codecs/length_prefix.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rain {
namespace {

using absl::StatusCode;

std::shared_ptr<const PacketCodec> Make(const LengthPrefixOptions& options) { return NewLengthPrefixCodec(options).value(); }

// The header that the codec puts in front of a payload of one piece.
absl::StatusOr<std::string> HeaderOf(const PacketCodec& codec, absl::Span<const char> payload) {
  std::string header(codec.traits().max_header, '\0');
  auto frame = codec.EncodePacket({payload}, absl::MakeSpan(header), {});
  if (!frame.ok()) return frame.status();
  return header.substr(header.size() - frame->header);
}

absl::StatusOr<PacketShape> ShapeOf(const PacketCodec& codec, const std::string& prefix) {
  ScanState scan;
  return codec.DecodePacket(prefix, scan);
}

TEST(LengthPrefix, IsFourBytesBigEndianOfThePayloadAloneByDefault) {
  EXPECT_EQ(HeaderOf(*NewLengthPrefixCodec(), std::string(258, 'x')).value(), std::string("\0\0\1\2", 4));
}

TEST(LengthPrefix, WritesEveryWidthAndOrder) {
  const std::string payload = "abc";
  EXPECT_EQ(HeaderOf(*Make({.width = 1}), payload).value(), "\3");
  EXPECT_EQ(HeaderOf(*Make({.width = 2}), payload).value(), std::string("\0\3", 2));
  EXPECT_EQ(HeaderOf(*Make({.width = 2, .order = ByteOrder::little}), payload).value(), std::string("\3\0", 2));
  EXPECT_EQ(HeaderOf(*Make({.width = 4, .order = ByteOrder::little}), payload).value(), std::string("\3\0\0\0", 4));
  EXPECT_EQ(HeaderOf(*Make({.width = 8}), payload).value(), std::string("\0\0\0\0\0\0\0\3", 8));
  EXPECT_EQ(HeaderOf(*Make({.width = 8, .order = ByteOrder::little, .counts_itself = true}), payload).value(),
            std::string("\13\0\0\0\0\0\0\0", 8));
}

TEST(LengthPrefix, RefusesOtherWidths) {
  for (int width : {-1, 0, 3, 5, 7, 9, 16}) {
    EXPECT_EQ(NewLengthPrefixCodec({.width = width}).status().code(), StatusCode::kInvalidArgument) << width;
  }
}

TEST(LengthPrefix, AnnouncesThePacketOnceTheLengthIsThere) {
  const auto codec = NewLengthPrefixCodec();
  const auto partial = ShapeOf(*codec, std::string("\0\0\0", 3)).value();
  EXPECT_EQ(partial.total, 4u);
  EXPECT_FALSE(partial.exact);
  const auto whole = ShapeOf(*codec, std::string("\0\1\0\0", 4)).value();
  EXPECT_EQ(whole.total, 65540u);
  EXPECT_EQ(whole.header, 4u);
  EXPECT_TRUE(whole.exact);
}

TEST(LengthPrefix, ALengthThatIsShorterThanItselfIsDataLoss) {
  const auto codec = Make({.width = 4, .counts_itself = true});
  EXPECT_EQ(ShapeOf(*codec, std::string("\0\0\0\3", 4)).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ShapeOf(*codec, std::string("\0\0\0\4", 4))->total, 4u);
}

TEST(LengthPrefix, ALengthBeyondMemoryIsDataLossAndDoesNotWrapAround) {
  const auto codec = Make({.width = 8});
  EXPECT_EQ(ShapeOf(*codec, std::string(8, '\xff')).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ShapeOf(*codec, std::string(7, '\xff') + '\xf8').status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ShapeOf(*codec, std::string(7, '\xff') + '\xf7')->total, SIZE_MAX);
  EXPECT_EQ(ShapeOf(*Make({.width = 8, .counts_itself = true}), std::string(8, '\xff'))->total, SIZE_MAX);
}

TEST(LengthPrefix, APayloadTooLongForTheWidthIsRefused) {
  EXPECT_TRUE(HeaderOf(*Make({.width = 1}), std::string(255, 'x')).ok());
  EXPECT_EQ(HeaderOf(*Make({.width = 1}), std::string(256, 'x')).status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(HeaderOf(*Make({.width = 2, .counts_itself = true}), std::string(65533, 'x')).ok());
  EXPECT_EQ(HeaderOf(*Make({.width = 2, .counts_itself = true}), std::string(65534, 'x')).status().code(),
            StatusCode::kResourceExhausted);
}

TEST(LengthPrefix, CountsPayloadsBeyondThirtyTwoBitsAcrossPieces) {
  // Lengths alone are read, so pieces may name the same bytes again and again.
  const std::string mebibytes(1 << 20, 'x');
  const std::vector<absl::Span<const char>> pieces(4096, absl::MakeConstSpan(mebibytes));  // 4 GiB
  char header[8];
  const auto encode = [&](int width) {
    return Make({.width = width})->EncodePacket(pieces, absl::MakeSpan(header, size_t(width)), {});
  };
  EXPECT_EQ(encode(4).status().code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(encode(8).ok());
  EXPECT_EQ(std::string(header, 8), std::string("\0\0\0\1\0\0\0\0", 8));
}

}  // namespace
}  // namespace rain
