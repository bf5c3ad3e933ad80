#include "listenrain/codecs/capnp_codec.h"

#include <capnp/any.h>
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "listenrain/framework/status.h"

namespace rain {
namespace {

using absl::StatusCode;

// An envelope as another implementation would write it: by Cap'n Proto's untyped interface, from the schema as documented.
class PeerEnvelope {
 public:
  // Segments of `segment_words`: small ones spread an envelope over several.
  explicit PeerEnvelope(unsigned segment_words, uint16_t data_words = 3, uint16_t pointers = 4)
      : builder_(segment_words, capnp::AllocationStrategy::FIXED_SIZE),
        root_(builder_.getRoot<capnp::AnyPointer>().initAsAnyStruct(data_words, pointers)) {}

  PeerEnvelope& Set(size_t word, uint64_t value) {
    std::memcpy(root_.getDataSection().begin() + 8 * word, &value, sizeof(value));
    return *this;
  }
  PeerEnvelope& SetText(unsigned pointer, const std::string& text) {
    Pointer(pointer).setAs<capnp::Text>(capnp::Text::Reader(text.data(), text.size()));
    return *this;
  }
  capnp::AnyPointer::Builder Pointer(unsigned pointer) { return root_.getPointerSection()[pointer]; }

  std::string Payload(const std::string& body, char kind = 1) {
    const auto words = capnp::messageToFlatArray(builder_);
    const auto bytes = words.asChars();
    return std::string("\1") + kind + std::string(2, '\0') + std::string(bytes.begin(), bytes.size()) + body;
  }

 private:
  capnp::MallocMessageBuilder builder_;
  capnp::AnyStruct::Builder root_;
};

Payload OnePiece(std::string bytes) {
  Payload payload;
  payload.push_back(Buffer::Adopt(std::move(bytes)));
  return payload;
}

class Capnp : public testing::Test {
 protected:
  std::string Encode(const MessageHeader& header, const Message& message) {
    PooledWriter writer(*pool_, 64 << 20);
    EXPECT_TRUE(writer.Begin().ok());
    EXPECT_TRUE(codec_->EncodeMessage(header, message, writer).ok());
    return ToString(writer.Take());
  }
  absl::StatusOr<Message> Decode(std::string bytes) { return codec_->DecodeMessage({}, OnePiece(std::move(bytes))); }
  absl::StatusOr<MessageHeader> Peek(std::string bytes) { return codec_->PeekHeader(OnePiece(std::move(bytes)), Role::acceptor); }

  const std::shared_ptr<BufferPool> pool_ = NewBufferPool();
  const std::shared_ptr<const MessageCodec<Message>> codec_ = NewCapnpCodec();
};

TEST_F(Capnp, APlainEnvelopeIsWhatCapnProtosOwnBuilderWrites) {
  const std::string ours = Encode({.id = MsgId(uint64_t{5}), .remaining = absl::Milliseconds(7)}, Message::Text(-9, "body"));
  EXPECT_EQ(ours, PeerEnvelope(64).Set(0, 5).Set(1, uint64_t(-9)).Set(2, 7000).Payload("body"));
  EXPECT_EQ(ours.size(), 80u);
}

TEST_F(Capnp, ABuiltEnvelopeIsWhatCapnProtosOwnBuilderWrites) {
  const std::string command(700, 'c');  // beyond the stack's scratch
  EXPECT_EQ(Encode({.id = MsgId(uint64_t{5})}, Message::Text(command, "body")),
            PeerEnvelope(1000).Set(0, 5).SetText(0, command).Payload("body"));
}

TEST_F(Capnp, ReadsEnvelopesOfSeveralSegments) {
  PeerEnvelope peer(8);
  peer.Set(0, 5).Set(1, 6).Set(2, 7).SetText(0, std::string(100, 'c'));
  auto list = peer.Pointer(1).initAsListOfAnyStruct(0, 2, 2);
  for (unsigned i = 0; i < 2; ++i) {
    list[i].getPointerSection()[0].setAs<capnp::Text>("key");
    list[i].getPointerSection()[1].setAs<capnp::Data>(capnp::Data::Reader(reinterpret_cast<const kj::byte*>("\0v"), 2));
  }
  const std::string wire = peer.Payload("body");
  ASSERT_NE(wire[4], 0) << "one segment only: the test shows nothing";
  const MessageHeader header = Peek(wire).value();
  EXPECT_EQ(header.id, MsgId(uint64_t{5}));
  EXPECT_EQ(header.remaining, absl::Microseconds(7));
  const Message message = Decode(wire).value();
  EXPECT_EQ(message.method, 6);
  EXPECT_EQ(message.command, std::string(100, 'c'));
  ASSERT_EQ(message.metadata.entries().size(), 2u);
  EXPECT_EQ(message.metadata.entries()[1].value, std::string("\0v", 2));
  EXPECT_EQ(message.text(), "body");
}

TEST_F(Capnp, ReadsEnvelopesOfOtherVersionsOfTheSchema) {
  const std::string older = PeerEnvelope(64, 1, 1).Set(0, 5).SetText(0, "get").Payload("body");
  EXPECT_EQ(Peek(older)->id, MsgId(uint64_t{5}));
  EXPECT_EQ(Peek(older)->remaining, absl::InfiniteDuration());
  EXPECT_EQ(Decode(older)->command, "get");
  const std::string newer = PeerEnvelope(64, 5, 6).Set(0, 5).Set(1, 6).Set(4, 99).SetText(5, "new").Payload("body");
  EXPECT_EQ(Peek(newer)->id, MsgId(uint64_t{5}));
  EXPECT_EQ(Decode(newer)->method, 6);
  EXPECT_EQ(Decode(newer)->text(), "body");
}

TEST_F(Capnp, ReadsAtEveryAlignment) {
  for (const std::string& command : {std::string(), std::string("get"), std::string(600, 'c')}) {
    const std::string wire = Encode({.id = MsgId(uint64_t{5})}, Message::Text(command, "body"));
    for (size_t shift = 0; shift < 16; ++shift) {
      Payload payload = OnePiece(std::string(shift, '?') + wire);
      RemovePrefix(payload, shift);
      EXPECT_EQ(codec_->PeekHeader(payload, Role::acceptor)->id, MsgId(uint64_t{5}));
      const Message message = codec_->DecodeMessage({}, std::move(payload)).value();
      EXPECT_EQ(message.command, command);
      EXPECT_EQ(message.text(), "body");
    }
  }
}

TEST_F(Capnp, PointersToOnePlaceAgainAndAgainAreRefused) {
  PeerEnvelope peer(4096);
  auto list = peer.Pointer(1).initAsListOfAnyStruct(0, 2, 500);
  list[0].getPointerSection()[0].setAs<capnp::Text>(std::string(8000, 'k').c_str());
  std::string wire = peer.Payload("");
  // The list begins behind the root struct with its tag; each entry is two pointers, relative to themselves.
  const size_t entries = 4 + 8 + 8 * (8 + 1);
  uint64_t pointer;
  std::memcpy(&pointer, &wire[entries], 8);
  for (uint64_t i = 1; i < 500; ++i) {
    const uint64_t same_place = pointer - (i * 2 << 2);
    std::memcpy(&wire[entries + 16 * i], &same_place, 8);
  }
  const auto decoded = Decode(wire);
  EXPECT_EQ(decoded.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(decoded.status().message().find("limit"), absl::string_view::npos) << decoded.status();
}

TEST_F(Capnp, AListOfNothingWithoutEndIsRefused) {
  PeerEnvelope peer(64);
  peer.Pointer(1).initAsListOfAnyStruct(0, 0, 100'000'000);
  EXPECT_EQ(Decode(peer.Payload("")).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Capnp, RefusesEnvelopesBeyondTheirLimits) {
  const std::string front("\1\1\0\0", 4);
  EXPECT_EQ(Peek(front + std::string("\xff\xff\xff\xff\0\0\0\0", 8)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Peek(front + std::string("\0\0\0\0\xff\xff\xff\xff", 8)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Peek(front + std::string("\x3f\0\0\0", 4) + std::string(512, '\xff')).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Peek(front + std::string(8, '\0')).status().code(), StatusCode::kInvalidArgument) << "no root";
  const std::string huge = PeerEnvelope(40000).SetText(0, std::string(256 << 10, 'c')).Payload("");
  EXPECT_EQ(Decode(huge).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Capnp, RefusesToEncodeAnEnvelopeBeyondItsLimit) {
  const auto encode = [this](size_t size) {
    PooledWriter writer(*pool_, 64 << 20);
    EXPECT_TRUE(writer.Begin().ok());
    return codec_->EncodeMessage({}, {.command = std::string(size, 'c')}, writer).code();
  };
  const size_t most = (256 << 10) - 64 - 1;
  EXPECT_EQ(encode(most), StatusCode::kOk);
  EXPECT_EQ(encode(most + 1), StatusCode::kInvalidArgument);
}

TEST_F(Capnp, RefusesTextWithoutItsEnd) {
  std::string wire = PeerEnvelope(64).SetText(0, "command").Payload("");
  ASSERT_EQ(wire.back(), '\0');
  wire.back() = 'x';
  EXPECT_EQ(Decode(wire).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Capnp, AnErrorReplyWithTheCodeOkIsAnError) {
  const std::string wire = PeerEnvelope(64).SetText(2, "all is well").Payload("", 3);
  EXPECT_EQ(codec_->DecodeError({}, OnePiece(wire)).code(), StatusCode::kInvalidArgument);
}

TEST_F(Capnp, AnUnknownCodeOfAnErrorReplyIsUnknown) {
  const std::string wire = PeerEnvelope(64).Set(2, uint64_t{99} << 32).SetText(2, "new").Payload("", 3);
  EXPECT_EQ(codec_->DecodeError({}, OnePiece(wire)), absl::UnknownError("new"));
}

}  // namespace
}  // namespace rain
