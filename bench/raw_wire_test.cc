#include "listenrain/bench/raw_wire.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace rain::bench {
namespace {

// Takes at most so many bytes a write.
class Sink final : public RawSink {
 public:
  absl::StatusOr<size_t> Write(absl::Span<const absl::Span<const char>> pieces) override {
    ++writes;
    size_t taken = 0;
    for (absl::Span<const char> piece : pieces) {
      const size_t now = std::min(piece.size(), at_most - taken);
      bytes.append(piece.data(), now);
      taken += now;
    }
    return taken;
  }

  size_t at_most = SIZE_MAX;
  int writes = 0;
  std::string bytes;
};

std::string Filled(size_t size, char with) { return std::string(size, with); }

std::string Wire(uint64_t number, const std::string& payload) {
  Sink sink;
  RawBlocks blocks;
  RawWriter writer(sink, blocks);
  EXPECT_TRUE(writer.Append({number, payload}).ok());
  EXPECT_TRUE(writer.Flush().ok());
  return sink.bytes;
}

void Feed(RawReader& reader, absl::Span<const char> bytes) {
  const absl::Span<char> room = reader.Room();
  ASSERT_GE(room.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  reader.Fill(bytes.size());
}

TEST(RawWire, IsALengthANumberAndThePayload) {
  EXPECT_EQ(Wire(0x0102030405060708, "ab"), std::string("\0\0\0\x0a\1\2\3\4\5\6\7\x08"
                                                        "ab",
                                                        14));
  EXPECT_EQ(Wire(1, ""), std::string("\0\0\0\x08\0\0\0\0\0\0\0\1", 12));
}

TEST(RawReader, ReadsPacketsCutAnywhere) {
  const std::string wire = Wire(7, "seven") + Wire(8, "eight") + Wire(9, "nines");
  for (size_t piece = 1; piece <= wire.size(); ++piece) {
    RawBlocks blocks;
    RawReader reader(5, blocks);
    std::vector<std::pair<uint64_t, std::string>> packets;
    for (size_t at = 0; at < wire.size(); at += piece) {
      Feed(reader, absl::Span<const char>(wire).subspan(at, piece));
      RawPacket packet;
      for (;;) {
        const absl::StatusOr<bool> more = reader.Next(packet);
        ASSERT_TRUE(more.ok());
        if (!*more) break;
        packets.emplace_back(packet.number, std::string(packet.payload.begin(), packet.payload.end()));
      }
    }
    EXPECT_EQ(packets, (std::vector<std::pair<uint64_t, std::string>>{{7, "seven"}, {8, "eight"}, {9, "nines"}})) << piece;
  }
}

TEST(RawReader, AlwaysHasRoomForTheRestOfAPacket) {
  const size_t payload_bytes = 100'000;
  const std::string wire = Wire(1, Filled(payload_bytes, 'x'));
  RawBlocks blocks;
  RawReader reader(payload_bytes, blocks);
  size_t at = 0;
  int packets = 0;
  while (packets < 50) {
    const absl::Span<char> room = reader.Room();
    ASSERT_FALSE(room.empty());
    const size_t count = std::min({room.size(), wire.size() - at, size_t{30'011}});
    std::memcpy(room.data(), wire.data() + at, count);
    reader.Fill(count);
    at = (at + count) % wire.size();
    RawPacket packet;
    const absl::StatusOr<bool> more = reader.Next(packet);
    ASSERT_TRUE(more.ok());
    if (!*more) continue;
    ++packets;
    EXPECT_EQ(packet.payload, absl::Span<const char>(wire).subspan(kRawHeaderBytes));
  }
}

TEST(RawReader, RefusesAPacketOfAnotherSize) {
  for (const char* payload : {"", "four", "sixsix"}) {
    RawBlocks blocks;
    RawReader reader(5, blocks);
    Feed(reader, Wire(1, payload));
    RawPacket packet;
    EXPECT_EQ(reader.Next(packet).status().code(), absl::StatusCode::kDataLoss) << payload;
  }
}

TEST(RawReader, HoldsABlockOnlyWhilePartOfAPacketLiesInIt) {
  RawBlocks blocks;
  RawReader first(5, blocks), second(5, blocks);
  RawPacket packet;
  Feed(first, Wire(1, "seven"));
  ASSERT_TRUE(*first.Next(packet));
  ASSERT_FALSE(*first.Next(packet));
  RawBlock spare = blocks.Take(kRawReadBytes);
  const char* const block = spare.bytes.get();
  blocks.Give(spare);
  const std::string cut = Wire(2, "eight");
  Feed(second, absl::Span<const char>(cut).subspan(0, 7));
  ASSERT_FALSE(*second.Next(packet));
  EXPECT_NE(blocks.Take(kRawReadBytes).bytes.get(), block) << "the second reader still needs it";
  Feed(second, absl::Span<const char>(cut).subspan(7));
  ASSERT_TRUE(*second.Next(packet));
  EXPECT_EQ(packet.number, 2u);
  ASSERT_FALSE(*second.Next(packet));
  EXPECT_EQ(blocks.Take(kRawReadBytes).bytes.get(), block);
}

TEST(RawWriter, GathersATurnsPacketsInOneWrite) {
  Sink sink;
  RawBlocks blocks;
  RawWriter writer(sink, blocks);
  for (uint64_t number = 1; number <= 100; ++number) ASSERT_TRUE(writer.Append({number, Filled(110, 'a')}).ok());
  EXPECT_EQ(sink.writes, 0);
  ASSERT_TRUE(writer.Flush().ok());
  EXPECT_EQ(sink.writes, 1);
  EXPECT_EQ(writer.pending(), 0u);
}

TEST(RawWriter, WritesBeforeTheTurnsEndWhenMuchHasGathered) {
  Sink sink;
  RawBlocks blocks;
  RawWriter writer(sink, blocks);
  for (uint64_t number = 1; sink.writes == 0; ++number) {
    ASSERT_LT(writer.pending(), kRawFlushBytes);
    ASSERT_TRUE(writer.Append({number, Filled(4096, 'a')}).ok());
  }
  EXPECT_GE(sink.bytes.size(), kRawFlushBytes);
}

TEST(RawWriter, LeavesAFullSinkAloneUntilItIsWritable) {
  for (const size_t payload_bytes : {size_t{110}, kRawDirectBytes}) {
    Sink sink;
    sink.at_most = 5;
    RawBlocks blocks;
    RawWriter writer(sink, blocks);
    std::string expected;
    for (uint64_t number = 1; number <= 20; ++number) {
      const std::string payload = Filled(payload_bytes, static_cast<char>('a' + number));
      expected += Wire(number, payload);
      ASSERT_TRUE(writer.Append({number, payload}).ok());
      ASSERT_TRUE(writer.Flush().ok());
    }
    EXPECT_EQ(sink.writes, 1);
    while (writer.pending() > 0) {
      EXPECT_EQ(writer.pending() + sink.bytes.size(), expected.size());
      sink.at_most = std::max<size_t>(sink.at_most * 2, 7);
      ASSERT_TRUE(writer.OnWritable().ok());
    }
    EXPECT_EQ(sink.bytes, expected);
  }
}

TEST(RawWriter, HandsOverLargePayloadsInTheirOrderWhereverTheSinkStops) {
  const std::string small = Filled(10, 's'), large = Filled(kRawDirectBytes, 'l');
  const std::string expected = Wire(1, small) + Wire(2, large) + Wire(3, small);
  for (const size_t stop : {size_t{0}, size_t{1}, size_t{22}, size_t{30}, size_t{34}, size_t{35}, expected.size() - 22}) {
    Sink sink;
    sink.at_most = stop;
    RawBlocks blocks;
    RawWriter writer(sink, blocks);
    ASSERT_TRUE(writer.Append({1, small}).ok());
    ASSERT_TRUE(writer.Append({2, large}).ok());
    ASSERT_TRUE(writer.Append({3, small}).ok());
    sink.at_most = SIZE_MAX;
    ASSERT_TRUE(writer.OnWritable().ok());
    EXPECT_EQ(sink.bytes, expected) << stop;
  }
}

}  // namespace
}  // namespace rain::bench
