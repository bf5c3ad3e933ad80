#include "listenrain/framework/output.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "listenrain/codecs/length_prefix.h"
#include "listenrain/framework/packet_reader.h"
#include "listenrain/testing/line_codec.h"

namespace rain {
namespace {

// What was written, piece by piece.
struct Written {
  int writes = 0;
  std::string stream;
  std::vector<const char*> pointers;
};

class OutputTest : public testing::Test {
 protected:
  Payload PayloadOf(std::string bytes) {
    Payload payload;
    payload.push_back(Buffer::Adopt(std::move(bytes)));
    return payload;
  }
  void Flush(Output& output) {
    const absl::Span<const Buffer> ready = output.Ready();
    if (!ready.empty()) ++written_.writes;
    for (const Buffer& piece : ready) {
      EXPECT_FALSE(piece.empty());
      written_.pointers.push_back(piece.data());
      written_.stream.append(piece.data(), piece.size());
    }
    output.Clear();
  }
  // The packets that were written.
  std::vector<std::string> Packets() {
    class Sink final : public PacketSink {
     public:
      bool OnPacket(Payload&& payload) override {
        packets.push_back(ToString(payload));
        return true;
      }
      std::vector<std::string> packets;
    } sink;
    PacketReader reader(*codec_, *pool_, {});
    const absl::Status status = reader.Consume(Buffer::Adopt(written_.stream), sink);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_FALSE(reader.mid_packet());
    return sink.packets;
  }

  std::shared_ptr<const PacketCodec> codec_ = NewLengthPrefixCodec();
  std::shared_ptr<BufferPool> pool_ = NewBufferPool();
  Written written_;
};

TEST_F(OutputTest, ATurnsPacketsLeaveInOneWriteOfOnePiece) {
  Output output(*codec_, *pool_, 1 << 20);
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(output.Begin().ok());
    sent.push_back("message " + std::to_string(i));
    static_cast<PayloadWriter&>(output).Append(absl::string_view(sent.back()));
    const auto packet = output.EndPacket();
    ASSERT_TRUE(packet.ok());
    EXPECT_EQ(*packet, sent.back().size() + 4);
  }
  Flush(output);
  EXPECT_EQ(written_.writes, 1);
  EXPECT_EQ(written_.pointers.size(), 1u);
  EXPECT_EQ(Packets(), sent);
  EXPECT_EQ(pool_->bytes_in_use(), 0u) << "a block is held between turns";
  Flush(output);
  EXPECT_EQ(written_.writes, 1) << "nothing to write";
}

TEST_F(OutputTest, EveryMixOfSizesWaysAndFailuresKeepsTheStreamWhole) {
  for (const bool fixed : {true, false}) {
    codec_ = fixed ? NewLengthPrefixCodec() : NewLinePacketCodec();
    written_ = {};
    Output output(*codec_, *pool_, 1 << 20);
    std::mt19937 random(fixed ? 1 : 2);
    std::vector<std::string> sent;
    for (int i = 0; i < 3000; ++i) {
      const size_t size = size_t{1} << (random() % 18);
      std::string bytes(size, static_cast<char>('a' + i % 26));
      switch (random() % 5) {
        case 0: {  // encoded in place
          ASSERT_TRUE(output.Begin().ok());
          static_cast<PayloadWriter&>(output).Append(absl::string_view(bytes));
          ASSERT_TRUE(output.EndPacket().ok());
          sent.push_back(bytes);
          break;
        }
        case 1:  // waited in a queue
          ASSERT_TRUE(output.Append(PayloadOf(bytes)).ok());
          sent.push_back(bytes);
          break;
        case 2: {  // a small head, a body by reference, a tail
          ASSERT_TRUE(output.Begin().ok());
          auto& writer = static_cast<PayloadWriter&>(output);
          writer.Append(absl::string_view("head"));
          writer.Append(Buffer::Adopt(bytes));
          writer.Append(absl::string_view("tail"));
          ASSERT_TRUE(output.EndPacket().ok());
          sent.push_back("head" + bytes + "tail");
          break;
        }
        case 3: {  // an encoder that gives up half way
          ASSERT_TRUE(output.Begin().ok());
          auto& writer = static_cast<PayloadWriter&>(output);
          writer.Append(absl::string_view(bytes));
          writer.Append(Buffer::Adopt(bytes));
          output.Rewind();
          break;
        }
        default:
          if (random() % 4 == 0) Flush(output);
      }
    }
    Flush(output);
    const std::vector<std::string> got = Packets();
    ASSERT_EQ(got.size(), sent.size());
    for (size_t i = 0; i < sent.size(); ++i) ASSERT_TRUE(got[i] == sent[i]) << "packet " << i;
    EXPECT_EQ(pool_->bytes_in_use(), 0u);
  }
}

TEST_F(OutputTest, LargeBodiesAreNotCopied) {
  Output output(*codec_, *pool_, 1 << 20);
  Payload payload = PayloadOf(std::string(kReferenceBytes, 'x'));
  const char* body = payload.front().data();
  ASSERT_TRUE(output.Append(std::move(payload)).ok());
  Flush(output);
  EXPECT_NE(std::find(written_.pointers.begin(), written_.pointers.end(), body), written_.pointers.end());
}

TEST_F(OutputTest, ABlockIsNotMadeForWhatIsNotWrittenIntoIt) {
  Output output(*codec_, *pool_, 1 << 20);
  for (int turn = 0; turn < 100; ++turn) {
    EXPECT_EQ(pool_->bytes_in_use(), 0u);
    ASSERT_TRUE(output.Begin().ok());
    static_cast<PayloadWriter&>(output).Append(Buffer::Adopt(std::string(kReferenceBytes, 'x')));
    output.Rewind();
    ASSERT_TRUE(output.Append(PayloadOf(std::string(kReferenceBytes, 'x'))).ok());
    EXPECT_LE(pool_->bytes_in_use(), turn < 50 ? 4096u : 1024u) << "the header's";
    Flush(output);
  }
  for (int turn = 0; turn < 2; ++turn) {
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(output.Append(PayloadOf(std::string(1000, 'x'))).ok());
    Flush(output);
  }
  ASSERT_TRUE(output.Begin().ok());
  EXPECT_EQ(pool_->bytes_in_use(), 65536u) << "twice of what was";
  output.Rewind();
  Flush(output);
}

TEST_F(OutputTest, AFailedPacketLeavesTheOthersAlone) {
  Output output(*codec_, *pool_, 100);
  ASSERT_TRUE(output.Append(PayloadOf("before")).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(output.Append(PayloadOf(std::string(98, 'x'))).status()));  // 102 with its header
  EXPECT_TRUE(absl::IsResourceExhausted(output.Append(PayloadOf(std::string(200, 'x'))).status()));
  ASSERT_TRUE(output.Append(PayloadOf("after")).ok());
  Flush(output);
  EXPECT_EQ(Packets(), (std::vector<std::string>{"before", "after"}));
}

}  // namespace
}  // namespace rain
