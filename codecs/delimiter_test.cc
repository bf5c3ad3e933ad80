#include "listenrain/codecs/delimiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "listenrain/testing/packet_codec_suite.h"

namespace rain {
namespace {

using absl::StatusCode;

std::shared_ptr<const PacketCodec> Make(const std::string& delimiter) {
  return NewDelimiterCodec({.delimiter = delimiter}).value();
}

absl::Status Encode(const PacketCodec& codec, const std::vector<std::string>& pieces) {
  std::string trailer(codec.traits().max_trailer, '\0');
  const std::vector<absl::Span<const char>> spans(pieces.begin(), pieces.end());
  return codec.EncodePacket(spans, {}, absl::MakeSpan(trailer)).status();
}

// The payloads of all packets that are whole, as a reader cuts them that gets one byte at a time.
std::vector<std::string> Cut(const PacketCodec& codec, const std::string& stream) {
  std::vector<std::string> payloads;
  size_t begin = 0;
  ScanState scan;
  for (size_t end = 1; end <= stream.size(); ++end) {
    const PacketShape shape = codec.DecodePacket({stream.data() + begin, end - begin}, scan).value();
    EXPECT_EQ(shape.exact, begin + shape.total == end);
    if (!shape.exact) continue;
    payloads.push_back(stream.substr(begin, shape.total - shape.trailer));
    begin = end;
    scan = {};
  }
  return payloads;
}

// What DecodePacket says of a stream that is there at once, packet by packet.
std::vector<std::string> CutAtOnce(const PacketCodec& codec, absl::Span<const char> stream) {
  std::vector<std::string> payloads;
  while (!stream.empty()) {
    ScanState scan;
    const PacketShape shape = codec.DecodePacket(stream, scan).value();
    if (!shape.exact) break;
    payloads.emplace_back(stream.data(), shape.total - shape.trailer);
    stream.remove_prefix(shape.total);
  }
  return payloads;
}

TEST(Delimiter, IsALineFeedByDefault) {
  EXPECT_THAT(Cut(*NewDelimiterCodec(), "one\n\nthree\r\nfour"), testing::ElementsAre("one", "", "three\r"));
}

TEST(Delimiter, OfSeveralBytesMayBeginInVain) {
  const std::string stream = "a\rb\r\r\n\r\n\n\r\n";
  const std::vector<std::string> lines = {"a\rb\r", "", "\n"};
  EXPECT_EQ(Cut(*Make("\r\n"), stream), lines);
  EXPECT_EQ(CutAtOnce(*Make("\r\n"), stream), lines);
}

TEST(Delimiter, ThatOverlapsItselfIsFoundWhereItIsFirst) {
  for (const std::string delimiter : {"aa", "aab", "abab", "aabaaab", "---"}) {
    const auto codec = Make(delimiter);
    for (int number = 0; number < 1 << 12; ++number) {  // every string of 12 bytes of two letters
      std::string stream;
      for (int bit = 0; bit < 12; ++bit) stream += delimiter[(number >> bit & 1) == 0 ? 0 : delimiter.size() - 1];
      std::vector<std::string> expected;
      size_t begin = 0;
      for (size_t at = stream.find(delimiter); at != std::string::npos; at = stream.find(delimiter, begin)) {
        expected.push_back(stream.substr(begin, at - begin));
        begin = at + delimiter.size();
      }
      ASSERT_EQ(Cut(*codec, stream), expected) << delimiter << " in " << stream;
      ASSERT_EQ(CutAtOnce(*codec, stream), expected) << delimiter << " in " << stream;
    }
  }
}

TEST(Delimiter, WithinAPayloadIsRefusedHoweverItLiesInPieces) {
  const auto codec = Make("\r\n");
  EXPECT_EQ(Encode(*codec, {"a\r\nb"}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encode(*codec, {"a\r", "\nb"}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encode(*codec, {"a\r", "", "\nb"}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Encode(*codec, {"\r\n"}).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Encode(*codec, {"a\n", "b\r", "\r"}).ok());
}

TEST(Delimiter, ThatWouldBeginInThePayloadIsRefused) {
  const auto codec = Make("aa");
  EXPECT_EQ(Encode(*codec, {"xa"}).code(), StatusCode::kInvalidArgument);  // xa + aa has its first "aa" one byte too early
  EXPECT_TRUE(Encode(*codec, {"ax"}).ok());
}

TEST(Delimiter, HasOneTo255Bytes) {
  EXPECT_EQ(NewDelimiterCodec({.delimiter = ""}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NewDelimiterCodec({.delimiter = std::string(256, 'x')}).status().code(), StatusCode::kInvalidArgument);
  const std::string longest = std::string(254, 'x') + 'y';
  EXPECT_THAT(Cut(*Make(longest), std::string(300, 'x') + longest), testing::ElementsAre(std::string(300, 'x')));
}

TEST(Delimiter, AFoundPacketIsFoundAgain) {
  const auto codec = Make("\r\n");
  ScanState scan;
  for (int look = 0; look < 3; ++look) {
    const PacketShape shape = codec->DecodePacket(std::string("ab\r\ncd\r\n"), scan).value();
    EXPECT_TRUE(shape.exact);
    EXPECT_EQ(shape.total, 4u);
  }
}

class Delimiters : public testing::TestWithParam<std::tuple<std::string, PacketCodecCheck>> {};

TEST_P(Delimiters, Conform) {
  const auto& [delimiter, check] = GetParam();
  const PacketCodecSubject subject{.codec = Make(delimiter),
                                   .payload =
                                       [](size_t size) {
                                         std::string line(size, '\0');
                                         for (size_t i = 0; i < size; ++i) line[i] = static_cast<char>(' ' + i % 95);
                                         return line;
                                       },
                                   .refused = {delimiter, "a" + delimiter + "b", delimiter + "a"}};
  EXPECT_THAT(check.run(subject), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Suite, Delimiters,
                         testing::Combine(testing::Values("\n", "\r\n", std::string("\0", 1), "\r\n.\r\n"),
                                          testing::ValuesIn(PacketCodecChecks())),
                         [](const auto& tested) {
                           return absl::StrCat(std::get<0>(tested.param).size(), "Bytes", int{std::get<0>(tested.param)[0]}, "_",
                                               std::get<1>(tested.param).name);
                         });

}  // namespace
}  // namespace rain
