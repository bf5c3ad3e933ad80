#include "listenrain/codecs/compact.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "listenrain/framework/status.h"

namespace rain {
namespace {

using absl::StatusCode;

class Compact : public testing::Test {
 protected:
  Payload Encode(const MessageHeader& header, const Message& message) {
    PooledWriter writer(*pool_, 64 << 20);
    EXPECT_TRUE(writer.Begin().ok());
    EXPECT_TRUE(codec_->EncodeMessage(header, message, writer).ok());
    return writer.Take();
  }
  absl::StatusCode EncodeFails(const Message& message) {
    PooledWriter writer(*pool_, 64 << 20);
    EXPECT_TRUE(writer.Begin().ok());
    return codec_->EncodeMessage({}, message, writer).code();
  }

  const std::shared_ptr<BufferPool> pool_ = NewBufferPool();
  const std::shared_ptr<const MessageCodec<Message>> codec_ = NewCompactCodec();
};

TEST_F(Compact, CarriesEveryField) {
  Message message = Message::Text("orders/new", "body");
  message.method = -7;
  message.metadata.Add(kTraceParent, "00-1-2-01");
  message.metadata.Add("k", "");
  message.metadata.Add("k", "second");
  const MessageHeader header{
      .id = MsgId(uint64_t{1} << 63), .kind = MessageKind::request, .flags = 0xab00, .remaining = absl::Milliseconds(5)};
  Payload payload = Encode(header, message);

  const MessageHeader peeked = codec_->PeekHeader(payload, Role::acceptor).value();
  EXPECT_EQ(peeked.id, header.id);
  EXPECT_EQ(peeked.kind, header.kind);
  EXPECT_EQ(peeked.flags, header.flags);
  EXPECT_EQ(peeked.remaining, header.remaining);
  const Message decoded = codec_->DecodeMessage(peeked, std::move(payload)).value();
  EXPECT_EQ(decoded.method, -7);
  EXPECT_EQ(decoded.command, "orders/new");
  EXPECT_EQ(decoded.metadata.entries(), message.metadata.entries());
  EXPECT_EQ(decoded.metadata.Get("k"), "");
  EXPECT_EQ(decoded.text(), "body");
}

TEST_F(Compact, APlainMessageIsTwentyFourBytesAndTheBodyInOnePiece) {
  const Payload payload = Encode({}, Message::Text(3, "hello"));
  ASSERT_EQ(payload.size(), 1u);
  EXPECT_EQ(payload[0].size(), 29u);
}

TEST_F(Compact, WriteHeaderPatchesIdAndRemainingAlone) {
  Payload payload = Encode({.flags = 0x0100}, Message::Text("c", "hello"));
  codec_->WriteHeader({.id = MsgId(uint64_t{77}), .remaining = absl::Seconds(2)}, {payload[0].mutable_data(), 24});
  const MessageHeader peeked = codec_->PeekHeader(payload, Role::acceptor).value();
  EXPECT_EQ(peeked.id, MsgId(uint64_t{77}));
  EXPECT_EQ(peeked.flags, 0x0100);
  EXPECT_EQ(peeked.remaining, absl::Seconds(2));
  EXPECT_EQ(codec_->DecodeMessage(peeked, std::move(payload))->command, "c");
}

TEST_F(Compact, RemainingIsRoundedUpAndNeverTurnsIntoNone) {
  const auto carried = [&](absl::Duration remaining) {
    return codec_->PeekHeader(Encode({.remaining = remaining}, {}), Role::acceptor)->remaining;
  };
  EXPECT_EQ(carried(absl::Nanoseconds(1)), absl::Microseconds(1));
  EXPECT_EQ(carried(absl::Nanoseconds(1001)), absl::Microseconds(2));
  EXPECT_EQ(carried(absl::ZeroDuration()), absl::Microseconds(1));
  EXPECT_EQ(carried(-absl::InfiniteDuration()), absl::Microseconds(1));
  EXPECT_EQ(carried(absl::Microseconds(UINT32_MAX)), absl::Microseconds(UINT32_MAX));
  EXPECT_EQ(carried(absl::Hours(2)), absl::InfiniteDuration());
  EXPECT_EQ(carried(absl::InfiniteDuration()), absl::InfiniteDuration());
}

TEST_F(Compact, AnEmptyBodyKeepsNoBlock) {
  Payload payload = Encode({}, {});
  EXPECT_TRUE(codec_->DecodeMessage({}, std::move(payload))->body.empty());
}

TEST_F(Compact, PassesOverSectionsItDoesNotKnow) {
  std::string wire(
      "\1\1\0\x82"
      "\0\0\0\0\0\0\0\1"
      "\0\0\0\0"
      "\0\0\0\0\0\0\0\2",
      24);  // metadata, and bit 7
  wire += std::string("\0\6\0\1k\0\1v", 8) + std::string("\0\3???", 5) + "body";
  Payload payload;
  payload.push_back(Buffer::Adopt(wire));
  const Message decoded = codec_->DecodeMessage({}, std::move(payload)).value();
  EXPECT_EQ(decoded.metadata.Get("k"), "v");
  EXPECT_EQ(decoded.text(), "body");
}

TEST_F(Compact, ReadsSectionsThatLieInSeveralPieces) {
  Message message = Message::Text(std::string(300, 'c'), "body");
  message.metadata.Add("key", std::string(500, 'v'));
  const std::string wire = ToString(Encode({}, message));
  for (size_t split = 24; split <= wire.size(); ++split) {
    Payload payload;
    payload.push_back(Buffer::Adopt(wire.substr(0, split)));
    payload.push_back(Buffer());
    payload.push_back(Buffer::Adopt(wire.substr(split)));
    const auto decoded = codec_->DecodeMessage({}, std::move(payload));
    ASSERT_TRUE(decoded.ok()) << split << ": " << decoded.status();
    ASSERT_EQ(decoded->command, message.command) << split;
    ASSERT_EQ(decoded->metadata.entries(), message.metadata.entries()) << split;
    ASSERT_EQ(decoded->text(), "body") << split;
  }
}

TEST_F(Compact, RefusesAnotherVersionAndKeepsUnknownKinds) {
  Payload payload = Encode({.kind = static_cast<MessageKind>(200)}, {});
  EXPECT_EQ(codec_->PeekHeader(payload, Role::acceptor)->kind, static_cast<MessageKind>(200));
  payload[0].mutable_data()[0] = 2;
  EXPECT_EQ(codec_->PeekHeader(payload, Role::acceptor).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(codec_->DecodeMessage({}, Share(payload)).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Compact, RefusesWhatTheSectionsCannotCarry) {
  EXPECT_EQ(EncodeFails({.command = std::string(65535, 'c')}), StatusCode::kOk);
  EXPECT_EQ(EncodeFails({.command = std::string(65536, 'c')}), StatusCode::kInvalidArgument);
  Message message;
  message.metadata.Add("k", std::string(65535 - 5, 'v'));
  EXPECT_EQ(EncodeFails(message), StatusCode::kOk);
  message.metadata.Add("", "");
  EXPECT_EQ(EncodeFails(message), StatusCode::kInvalidArgument);
  PooledWriter writer(*pool_, 1024);
  ASSERT_TRUE(writer.Begin().ok());
  EXPECT_EQ(codec_->EncodeMessage({.id = MsgId("uuid")}, {}, writer).code(), StatusCode::kInvalidArgument);
}

TEST_F(Compact, AnErrorReplyWithoutAStatusIsAnError) {
  const Payload payload = Encode({.kind = MessageKind::error}, Message::Text("no status"));
  EXPECT_EQ(codec_->DecodeError({}, payload).code(), StatusCode::kInvalidArgument);
}

TEST_F(Compact, AMessageIsMovedAndSharedNotCopied) {
  static_assert(!std::is_copy_constructible_v<Message> && std::is_nothrow_move_constructible_v<Message>);
  static_assert(sizeof(Message) <= 112);
  const Message message = Message::Bytes(1, Buffer::Adopt(std::string(100, 'x')));
  EXPECT_EQ(message.Share().body[0].data(), message.body[0].data());
}

TEST_F(Compact, RoutesByCommandElseByMethod) {
  const Message by_method = Message::Text(9, "");
  EXPECT_EQ(codec_->RouteOf(by_method), Route(int64_t{9}));
  const Message by_command = Message::Text("get", "");
  EXPECT_EQ(codec_->RouteOf(by_command), Route(absl::string_view("get")));
}

}  // namespace
}  // namespace rain
