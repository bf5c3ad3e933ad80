#include "listenrain/framework/packet_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "listenrain/codecs/length_prefix.h"
#include "listenrain/testing/line_codec.h"

namespace rain {
namespace {

class Collected final : public PacketSink {
 public:
  bool OnPacket(Payload&& payload) override {
    EXPECT_FALSE(payload.empty());
    const size_t size = SizeOf(payload);
    if (size + 4 < kLargePacketBytes) {
      EXPECT_EQ(payload.size(), 1u) << "a small packet in pieces";
    }
    EXPECT_LE(payload.size(), 2u);
    packets.push_back(ToString(payload));
    first_pieces.push_back(payload.front().size());
    return packets.size() < stop_after;
  }
  std::vector<std::string> packets;
  std::vector<size_t> first_pieces;
  size_t stop_after = SIZE_MAX;
};

std::string Framed(const std::string& payload) {
  const auto size = static_cast<uint32_t>(payload.size());
  std::string packet(4, '\0');
  for (int i = 0; i < 4; ++i) packet[static_cast<size_t>(i)] = static_cast<char>(size >> (24 - 8 * i));
  return packet + payload;
}

std::string Bytes(size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  std::mt19937 random(seed);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class PacketReaderTest : public testing::Test {
 protected:
  PacketReader NewReader(PacketReader::Options options = {}) { return PacketReader(*codec_, *pool_, options); }

  // As a socket does: into the reader's own buffer, at most `chunk` bytes at a time.
  absl::Status FeedLikeASocket(PacketReader& reader, absl::string_view stream, size_t chunk) {
    while (!stream.empty()) {
      Buffer room = reader.ReadBuffer();
      if (room.empty()) return absl::ResourceExhaustedError("no room");
      const size_t now = std::min({chunk, room.size(), stream.size()});
      std::memcpy(room.mutable_data(), stream.data(), now);
      room.Truncate(now);
      stream.remove_prefix(now);
      if (absl::Status status = reader.Consume(std::move(room), sink_); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  // As an in-process channel does: in buffers of the writer's.
  absl::Status FeedLikeAPipe(PacketReader& reader, absl::string_view stream, size_t chunk) {
    while (!stream.empty()) {
      const size_t now = std::min(chunk, stream.size());
      Buffer bytes = Buffer::Adopt(std::string(stream.substr(0, now)));
      stream.remove_prefix(now);
      if (absl::Status status = reader.Consume(std::move(bytes), sink_); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  std::shared_ptr<const PacketCodec> codec_ = NewLengthPrefixCodec();
  std::shared_ptr<BufferPool> pool_ = NewBufferPool();
  Collected sink_;
};

TEST_F(PacketReaderTest, PacketsComeOutWholeAtEverySplit) {
  const std::vector<std::string> payloads = {"", "a", Bytes(300, 1), "", Bytes(5000, 2), "end"};
  std::string stream;
  for (const std::string& payload : payloads) stream += Framed(payload);
  for (const size_t chunk : std::initializer_list<size_t>{1, 2, 3, 5, 7, 64, 1000, 4096, 100000}) {
    for (const bool socket : {true, false}) {
      PacketReader reader = NewReader({.header_bytes = 2});
      sink_ = {};
      ASSERT_TRUE((socket ? FeedLikeASocket(reader, stream, chunk) : FeedLikeAPipe(reader, stream, chunk)).ok());
      EXPECT_EQ(sink_.packets, payloads) << "chunks of " << chunk;
      EXPECT_FALSE(reader.mid_packet());
      EXPECT_EQ(pool_->bytes_in_use(), 0u) << "a block is held between packets";
    }
  }
}

TEST_F(PacketReaderTest, LargePacketsComeInTwoPiecesOfWhichTheFirstHasTheHeader) {
  const std::vector<std::string> payloads = {Bytes(kLargePacketBytes - 5, 1), Bytes(kLargePacketBytes, 2), "x", Bytes(1 << 20, 3),
                                             Bytes(3 << 20, 4)};
  std::string stream;
  for (const std::string& payload : payloads) stream += Framed(payload);
  for (const size_t chunk : std::initializer_list<size_t>{5, 4099, 70000, 1 << 22}) {
    for (const bool socket : {true, false}) {
      PacketReader reader = NewReader({.header_bytes = 24});
      sink_ = {};
      ASSERT_TRUE((socket ? FeedLikeASocket(reader, stream, static_cast<size_t>(chunk))
                          : FeedLikeAPipe(reader, stream, static_cast<size_t>(chunk)))
                      .ok());
      ASSERT_EQ(sink_.packets.size(), payloads.size());
      for (size_t i = 0; i < payloads.size(); ++i) {
        EXPECT_TRUE(sink_.packets[i] == payloads[i]) << "packet " << i << " in chunks of " << chunk;
        EXPECT_GE(sink_.first_pieces[i], std::min<size_t>(24, payloads[i].size()));
      }
    }
  }
}

// Nobody else keeps its block then: who gets it may write there.
TEST_F(PacketReaderTest, TheRestOfALargePacketIsHandedOnAsItCame) {
  class Unique final : public PacketSink {
   public:
    bool OnPacket(Payload&& payload) override {
      EXPECT_EQ(payload.back().data(), expected);
      EXPECT_TRUE(payload.back().unique());
      ++packets;
      return true;
    }
    const char* expected = nullptr;
    int packets = 0;
  } sink;
  PacketReader reader = NewReader();
  const std::string packet = Framed(Bytes(kLargePacketBytes, 1));
  ASSERT_TRUE(reader.Consume(Buffer::Adopt(packet.substr(0, 100)), sink).ok());
  Buffer rest = Buffer::Adopt(packet.substr(100));
  sink.expected = rest.data();
  ASSERT_TRUE(reader.Consume(std::move(rest), sink).ok());
  EXPECT_EQ(sink.packets, 1);
}

TEST_F(PacketReaderTest, AnAnnouncedSizeOverTheLimitIsRefusedBeforeAnythingIsAllocated) {
  PacketReader reader = NewReader({.max_packet_bytes = 1000});
  const absl::Status status = FeedLikeAPipe(reader, absl::string_view("\x40\x00\x00\x00", 4), 4);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(pool_->bytes_in_use(), 0u);
  PacketReader at_limit = NewReader({.max_packet_bytes = 1004});
  EXPECT_TRUE(FeedLikeASocket(at_limit, Framed(Bytes(1000, 1)), 100).ok());
  EXPECT_FALSE(FeedLikeASocket(at_limit, Framed(Bytes(1001, 1)), 100).ok());
}

TEST_F(PacketReaderTest, WhatPilesUpWithoutAnEndIsRefusedToo) {
  codec_ = NewLinePacketCodec();
  PacketReader reader = NewReader({.max_packet_bytes = 10000});
  const absl::Status status = FeedLikeASocket(reader, std::string(20000, 'x'), 777);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  PacketReader lines = NewReader({.max_packet_bytes = 10000});
  EXPECT_TRUE(FeedLikeASocket(lines, std::string(9000, 'x') + "\n" + "y\n", 777).ok());
  EXPECT_EQ(sink_.packets, (std::vector<std::string>{std::string(9000, 'x'), "y"}));
}

TEST_F(PacketReaderTest, ReadsAPartOfWhatIsAwaitedIfThatIsMuch) {
  PacketReader reader = NewReader();
  std::string stream;
  for (int i = 0; i < 6000; ++i) stream += Framed(Bytes(96, 1));
  ASSERT_TRUE(FeedLikeASocket(reader, stream, 99'991).ok());
  const size_t most = reader.ReadBuffer().size();
  EXPECT_EQ(reader.ReadBuffer(10).size(), most) << "of few packets, all at once";
  const size_t part = reader.ReadBuffer(60).size();
  EXPECT_EQ(part, size_t{60 * 100 / 3});
  EXPECT_EQ(reader.ReadBuffer(61).size(), size_t{21 * 100}) << "whole packets";
  EXPECT_EQ(reader.ReadBuffer(60, true).size(), size_t{60 * 100 / 2});
  EXPECT_EQ(reader.ReadBuffer(10'000).size(), most);
  for (int i = 0; i < 20; ++i) {
    Buffer room = reader.ReadBuffer(60);
    std::memcpy(room.mutable_data(), stream.data(), room.size());
    stream.erase(0, room.size());
    ASSERT_TRUE(reader.Consume(std::move(room), sink_).ok());
  }
  EXPECT_GT(reader.ReadBuffer(60).size(), part * 2) << "more comes than was awaited";
}

TEST_F(PacketReaderTest, OfWhatIsHandedOverAPartIsDealtWithAtATime) {
  PacketReader reader = NewReader();
  std::string stream;
  for (int i = 0; i < 64; ++i) stream += Framed(Bytes(96, 1));
  EXPECT_EQ(reader.PartSize(stream.size(), 64, true), 1024u) << "it is not known yet how large packets are";
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(reader.Consume(Buffer::Adopt(stream), sink_).ok());
    EXPECT_EQ(reader.PartSize(stream.size(), 64, true), stream.size() / 2) << "there was no room that it could have filled";
    EXPECT_EQ(reader.PartSize(stream.size(), 10, true), stream.size()) << "of few, all";
    EXPECT_EQ(reader.PartSize(100, 64, true), 100u) << "there is no more";
  }
}

TEST_F(PacketReaderTest, PacketsOfMediumSizeAreReadByManyAtOnce) {
  PacketReader reader = NewReader();
  std::string stream;
  for (int i = 0; i < 200; ++i) stream += Framed(Bytes(4996, 1));
  ASSERT_TRUE(FeedLikeASocket(reader, stream, SIZE_MAX).ok());
  EXPECT_EQ(sink_.packets.size(), 200u);
  const size_t most = reader.ReadBuffer().size();
  EXPECT_GT(most, size_t{100'000});
  EXPECT_LE(most, size_t{128 << 10});
  EXPECT_EQ(most % 5000, 0u) << "whole packets";
  EXPECT_EQ(reader.ReadBuffer(15).size(), size_t{4 * 5000}) << "a part of what is awaited, by who has to be woken";
  EXPECT_EQ(reader.ReadBuffer(15, true).size(), most);
  ASSERT_TRUE(FeedLikeASocket(reader, Framed("a small one"), SIZE_MAX).ok());
  EXPECT_LE(reader.ReadBuffer().size(), size_t{32 << 10}) << "small ones by less, so that both sides work at the same time";
}

TEST_F(PacketReaderTest, TheBeginningOfAPacketKeepsNoLargeBlockForLong) {
  PacketReader reader = NewReader();
  std::string stream;
  for (int i = 0; i < 200; ++i) stream += Framed(Bytes(4996, 1));
  const std::string last = Framed("the last one");
  ASSERT_TRUE(FeedLikeASocket(reader, stream + last.substr(0, 7), SIZE_MAX).ok());
  EXPECT_GT(pool_->bytes_in_use(), size_t{100'000});
  reader.Trim();
  EXPECT_LE(pool_->bytes_in_use(), size_t{4 << 10});
  ASSERT_TRUE(FeedLikeASocket(reader, last.substr(7), SIZE_MAX).ok());
  EXPECT_EQ(sink_.packets.back(), "the last one");
}

TEST_F(PacketReaderTest, APaceIsKeptFromOneReaderToTheNext) {
  ReadPace pace;
  {
    PacketReader reader = NewReader();
    reader.set_pace(&pace);
    ASSERT_TRUE(FeedLikeASocket(reader, Framed(Bytes(60'000, 1)), SIZE_MAX).ok());
  }
  PacketReader reader = NewReader();
  const size_t at_first = reader.ReadBuffer().size();
  reader.LetGo();
  reader.set_pace(&pace);
  EXPECT_GT(reader.ReadBuffer().size(), at_first);
}

TEST_F(PacketReaderTest, ASinkThatWantsNoMoreGetsNoMore) {
  PacketReader reader = NewReader();
  sink_.stop_after = 2;
  ASSERT_TRUE(FeedLikeAPipe(reader, Framed("a") + Framed("b") + Framed("c"), 100).ok());
  EXPECT_EQ(sink_.packets, (std::vector<std::string>{"a", "b"}));
}

TEST_F(PacketReaderTest, APoolThatRefusesEndsTheChannelWithAReason) {
  pool_ = NewBufferPool({.max_bytes = 8 << 10});
  PacketReader reader = NewReader();
  EXPECT_FALSE(reader.ReadBuffer().empty());
  const absl::Status status = FeedLikeASocket(reader, Framed(Bytes(100000, 1)), 4096);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

TEST_F(PacketReaderTest, PayloadsAreAlignedWhereTheCodecAsks) {
  class Aligned final : public PacketSink {
   public:
    bool OnPacket(Payload&& payload) override {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(payload.front().data()) % 8, 0u);
      total += SizeOf(payload);
      return true;
    }
    size_t total = 0;
  } sink;
  PacketReader reader = NewReader({.header_bytes = 8, .alignment = 8});
  std::string stream;
  size_t sent = 0;
  for (size_t size = 0; size < 50; ++size, sent += size) stream += Framed(Bytes(size, 1));
  sent -= 50;
  ASSERT_TRUE(reader.Consume(Buffer::Adopt(stream), sink).ok());
  EXPECT_EQ(sink.total, size_t{49 * 50 / 2});
}

class LyingCodec final : public PacketCodec {
 public:
  explicit LyingCodec(PacketShape shape) : shape_(shape) {}
  PacketTraits traits() const override { return {}; }
  absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>>, absl::Span<char>,
                                     absl::Span<char>) const override {
    return Frame{};
  }
  absl::StatusOr<PacketShape> DecodePacket(absl::Span<const char>, ScanState&) const override { return shape_; }

 private:
  const PacketShape shape_;
};

TEST_F(PacketReaderTest, ACodecThatFindsImpossiblePacketsIsCaught) {
  for (const PacketShape shape :
       {PacketShape{0, 0, 0, true}, PacketShape{4, 5, 0, true}, PacketShape{4, 2, 3, true}, PacketShape{4, 0, 0, false},
        PacketShape{4, SIZE_MAX, 2, true}, PacketShape{kLargePacketBytes, kLargePacketBytes + 1, 0, true}}) {
    codec_ = std::make_shared<LyingCodec>(shape);
    PacketReader reader = NewReader();
    const absl::Status status = FeedLikeAPipe(reader, "abcdefgh", 8);
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_TRUE(sink_.packets.empty());
  }
}

}  // namespace
}  // namespace rain
