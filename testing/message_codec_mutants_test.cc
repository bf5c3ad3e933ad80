// Message codecs that are wrong in one way each: the suite must tell, by the check that is there for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/endian.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/message_subject.h"
#include "listenrain/testing/shared_scratch_test.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {
namespace {

using Good = MessageCodec<Message>;
using Decoded = absl::StatusOr<Message>;
using Peeked = absl::StatusOr<MessageHeader>;

// The compact codec, wrong where a function is given.
struct Wrong {
  std::function<CodecTraits(CodecTraits)> traits;
  std::function<void(const Good&, const MessageHeader&, absl::Span<char>)> write_header;
  std::function<Peeked(const Good&, const Payload&)> peek;
  std::function<absl::Status(const Good&, const MessageHeader&, const absl::Status&, PayloadWriter&)> encode_error;
  std::function<absl::Status(const Good&, const MessageHeader&, const Payload&)> decode_error;
  std::function<absl::Status(const Good&, const MessageHeader&, const Message&, PayloadWriter&)> encode;
  std::function<Decoded(const Good&, const MessageHeader&, Payload)> decode;
};

class Mutant final : public MessageCodec<Message> {
 public:
  explicit Mutant(Wrong wrong)
      : wrong_(std::move(wrong)), traits_(wrong_.traits ? wrong_.traits(good_->traits()) : good_->traits()) {}
  const CodecTraits& traits() const override { return traits_; }
  void WriteHeader(const MessageHeader& header, absl::Span<char> first) const override {
    return wrong_.write_header ? wrong_.write_header(*good_, header, first) : good_->WriteHeader(header, first);
  }
  Peeked PeekHeader(const Payload& payload, Role role) const override {
    return wrong_.peek ? wrong_.peek(*good_, payload) : good_->PeekHeader(payload, role);
  }
  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    return wrong_.encode_error ? wrong_.encode_error(*good_, header, error, to) : good_->EncodeError(header, error, to);
  }
  absl::Status DecodeError(const MessageHeader& header, const Payload& payload) const override {
    return wrong_.decode_error ? wrong_.decode_error(*good_, header, payload) : good_->DecodeError(header, payload);
  }
  absl::Status EncodeMessage(const MessageHeader& header, const Message& message, PayloadWriter& to) const override {
    return wrong_.encode ? wrong_.encode(*good_, header, message, to) : good_->EncodeMessage(header, message, to);
  }
  Decoded DecodeMessage(const MessageHeader& header, Payload&& payload) const override {
    return wrong_.decode ? wrong_.decode(*good_, header, std::move(payload)) : good_->DecodeMessage(header, std::move(payload));
  }
  MsgId IdOf(const Message& message) const override { return good_->IdOf(message); }
  Route RouteOf(const Message& message) const override { return good_->RouteOf(message); }

 private:
  const std::shared_ptr<const Good> good_ = NewCompactCodec();
  const Wrong wrong_;
  const CodecTraits traits_;
};

struct MessageMutant {
  const char* name;
  const char* caught_by;
  Wrong wrong;
};

Wrong PeekedAs(std::function<void(MessageHeader&)> change) {
  return {.peek = [change = std::move(change)](const Good& good, const Payload& payload) {
    Peeked header = good.PeekHeader(payload, Role::acceptor);
    if (header.ok()) change(*header);
    return header;
  }};
}

Wrong DecodedAs(std::function<void(Message&)> change) {
  return {.decode = [change = std::move(change)](const Good& good, const MessageHeader& header, Payload payload) {
    Decoded message = good.DecodeMessage(header, std::move(payload));
    if (message.ok()) change(*message);
    return message;
  }};
}

Wrong ErrorsAs(std::function<absl::Status(const absl::Status&)> change) {
  return {
      .encode_error = [change = std::move(change)](const Good& good, const MessageHeader& header, const absl::Status& error,
                                                   PayloadWriter& to) { return good.EncodeError(header, change(error), to); }};
}

ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS ABSL_ATTRIBUTE_NO_SANITIZE_THREAD char Beyond(const Buffer& bytes) {
  return *(bytes.data() + bytes.size());
}

std::vector<MessageMutant> HeaderMutants() {
  return {
      {"HeaderLargerThanPossible",
       "TraitsAreConstantAndPossible",
       {.traits =
            [](CodecTraits traits) {
              traits.header_bytes = 300;
              return traits;
            }}},
      {"IdTruncatedTo32Bits", "IdsComeBackWhole", PeekedAs([](MessageHeader& header) {
         if (!header.id.empty()) header.id = MsgId(header.id.integer() & UINT32_MAX);
       })},
      {"KindLost", "EveryMessageComesBack", PeekedAs([](MessageHeader& header) { header.kind = MessageKind::request; })},
      {"FlagsLost", "EveryMessageComesBack", PeekedAs([](MessageHeader& header) { header.flags = 0; })},
      {"RemainingLost", "EveryMessageComesBack",
       PeekedAs([](MessageHeader& header) { header.remaining = absl::InfiniteDuration(); })},
      {"IdOfAnotherByteOrderWhenGivenLate",
       "IdsComeBackWhole",
       {.write_header =
            [](const Good& good, const MessageHeader& header, absl::Span<char> first) {
              good.WriteHeader(header, first);
              Store<uint64_t, ByteOrder::little>(first.data() + 4, header.id.integer());
            }}},
      {"WriteHeaderForgetsRemaining",
       "WriteHeaderPatchesItsBytesAlone",
       {.write_header =
            [](const Good& good, const MessageHeader& header, absl::Span<char> first) {
              const std::string before(first.data() + 12, 4);
              good.WriteHeader(header, first);
              before.copy(first.data() + 12, 4);
            }}},
      {"WriteHeaderDropsSections",
       "WriteHeaderPatchesItsBytesAlone",
       {.write_header =
            [](const Good& good, const MessageHeader& header, absl::Span<char> first) {
              good.WriteHeader(header, first);
              first[3] = 0;
            }}},
      {"WriteHeaderGoesTooFar",
       "WriteHeaderPatchesItsBytesAlone",
       {.traits =
            [](CodecTraits traits) {
              traits.header_bytes = 12;  // remaining and method lie beyond
              return traits;
            }}},
      {"IdsAtOnceOtherThanLate",
       "WriteHeaderPatchesItsBytesAlone",
       {.encode =
            [](const Good& good, const MessageHeader& header, const Message& message, PayloadWriter& to) {
              if (header.kind != MessageKind::request || header.id.empty()) return good.EncodeMessage(header, message, to);
              Message other = message.Share();
              other.metadata.Add("", "");  // the same to a reader that looks for no such key
              return good.EncodeMessage(header, other, to);
            }}},
      {"ControlMessagesWithoutAKind",
       "ControlMessagesAreTheHeaderAlone",
       {.write_header =
            [](const Good& good, MessageHeader header, absl::Span<char> first) {
              header.kind = MessageKind::request;
              good.WriteHeader(header, first);
            }}},
      {"HeaderOfATruncatedPayload",
       "TruncatedMessagesAreNoMessages",
       {.peek =
            [](const Good& good, const Payload& payload) {
              Peeked header = good.PeekHeader(payload, Role::acceptor);
              return header.ok() ? header : MessageHeader{};
            }}},
  };
}

std::vector<MessageMutant> BodyMutants() {
  return {
      {"BodyIsAViewOfThePayload", "AMessageKeepsItsBytes", DecodedAs([](Message& message) {
         for (Buffer& piece : message.body) piece = Buffer::Static(piece.view());
       })},
      {"BodyShiftedByOne", "EveryMessageComesBack",
       DecodedAs([](Message& message) { RemovePrefix(message.body, message.body.empty() ? 0 : 1); })},
      {"MethodTruncatedTo32Bits", "EveryMessageComesBack",
       DecodedAs([](Message& message) { message.method = static_cast<int32_t>(message.method); })},
      {"MetadataOncePerKey", "EveryMessageComesBack", DecodedAs([](Message& message) {
         Metadata once;
         for (const Metadata::Entry& entry : message.metadata.entries()) {
           if (!once.Get(entry.key).has_value()) once.Add(entry.key, entry.value);
         }
         message.metadata = std::move(once);
       })},
      {"KnowsTheFirstPieceOnly",
       "PiecesMakeNoDifference",
       {.decode =
            [](const Good& good, const MessageHeader& header, Payload payload) {
              payload.DropBack(payload.size() - 1);
              return good.DecodeMessage(header, std::move(payload));
            }}},
      {"AcceptsTruncatedMessages",
       "TruncatedMessagesAreNoMessages",
       {.decode =
            [](const Good& good, const MessageHeader& header, Payload payload) {
              Decoded message = good.DecodeMessage(header, std::move(payload));
              return message.ok() ? std::move(message) : Decoded(absl::in_place);
            }}},
      {"ReadsOneByteTooMany",
       "LooksAtThePayloadAlone",
       {.decode =
            [](const Good& good, const MessageHeader& header, Payload payload) {
              const std::string beyond(1, Beyond(payload.back()));
              Decoded message = good.DecodeMessage(header, std::move(payload));
              if (message.ok() && message->body.empty()) message->body = Message::Text(beyond).body;
              return message;
            }}},
      {"CopiesBodiesToEncodeThem",
       "LargeBodiesAreNotCopied",
       {.encode =
            [](const Good& good, const MessageHeader& header, const Message& message, PayloadWriter& to) {
              Message copy = message.Share();
              copy.body = Message::Text(message.text()).body;
              return good.EncodeMessage(header, copy, to);
            }}},
      {"CopiesBodiesToDecodeThem", "LargeBodiesAreNotCopied",
       DecodedAs([](Message& message) { message.body = Message::Text(message.text()).body; })},
      {"ForgetsWhatTheWriterSays",
       "AWriterWithoutRoomIsAnError",
       {.encode =
            [](const Good& good, const MessageHeader& header, const Message& message, PayloadWriter& to) {
              (void)good.EncodeMessage(header, message, to);
              return absl::OkStatus();
            }}},
      {"HeaderInTwoPieces",
       "WriterBlocksMakeNoDifference",
       {.encode =
            [](const Good& good, const MessageHeader& header, const Message& message, PayloadWriter& to) {
              const auto pool = NewBufferPool();
              PooledWriter aside(*pool, 64 << 20);
              if (absl::Status status = aside.Begin(); !status.ok()) return status;
              if (absl::Status status = good.EncodeMessage(header, message, aside); !status.ok()) return status;
              const std::string bytes = ToString(aside.Take());
              to.Append(absl::string_view(bytes).substr(0, 4));
              (void)to.Reserve(300);  // a new block, as often as not
              to.Append(absl::string_view(bytes).substr(4));
              return to.status();
            }}},
  };
}

std::vector<MessageMutant> ThreadMutants() {
  const auto kept = [] { return std::make_shared<SharedScratch<std::string>>(); };
  return {
      {"DecodesFromAScratchOfItsOwn",
       "ServesSeveralThreads",
       {.decode =
            [kept = kept()](const Good& good, const MessageHeader& header, Payload payload) {
              return good.DecodeMessage(header, Payload(Buffer::Adopt(kept->PutAndTake(ToString(payload)))));
            }}},
      {"EncodesIntoAScratchOfItsOwn",
       "ServesSeveralThreads",
       {.encode =
            [kept = kept()](const Good& good, const MessageHeader& header, const Message& message, PayloadWriter& to) {
              const auto pool = NewBufferPool();
              PooledWriter aside(*pool, 64 << 20);
              if (absl::Status status = aside.Begin(); !status.ok()) return status;
              if (absl::Status status = good.EncodeMessage(header, message, aside); !status.ok()) return status;
              to.Append(absl::string_view(kept->PutAndTake(ToString(aside.Take()))));
              return to.status();
            }}},
  };
}

std::vector<MessageMutant> ErrorMutants() {
  return {
      {"ErrorCodeLost", "ErrorsComeBack",
       ErrorsAs([](const absl::Status& error) { return absl::UnknownError(error.message()); })},
      {"ErrorDetailLost", "ErrorsComeBack",
       ErrorsAs([](const absl::Status& error) { return absl::Status(error.code(), error.message()); })},
      {"ErrorTextWithoutItsEnd", "ErrorsComeBack", ErrorsAs([](const absl::Status& error) {
         return WithDetail(absl::Status(error.code(), error.message().substr(0, error.message().find('\n'))), DetailOf(error));
       })},
      {"ErrorTextCutWithinALetter",
       "LongErrorTextsAreCut",
       {.decode_error =
            [](const Good& good, const MessageHeader& header, const Payload& payload) {
              const absl::Status error = good.DecodeError(header, payload);
              return error.message().size() < 1021 ? error : absl::Status(error.code(), error.message().substr(0, 1021));
            }}},
      {"LongErrorTextsRefused",
       "LongErrorTextsAreCut",
       {.encode_error =
            [](const Good& good, const MessageHeader& header, const absl::Status& error, PayloadWriter& to) {
              if (error.message().size() > 1024) return absl::InvalidArgumentError("too long");
              return good.EncodeError(header, error, to);
            }}},
      {"AnErrorThatIsOk",
       "TruncatedMessagesAreNoMessages",
       {.decode_error =
            [](const Good& good, const MessageHeader& header, const Payload& payload) {
              const absl::Status error = good.DecodeError(header, payload);
              return absl::IsInvalidArgument(error) ? absl::OkStatus() : error;
            }}},
  };
}

std::vector<MessageMutant> Mutants() {
  std::vector<MessageMutant> mutants = HeaderMutants();
  for (MessageMutant& mutant : BodyMutants()) mutants.push_back(std::move(mutant));
  for (MessageMutant& mutant : ThreadMutants()) mutants.push_back(std::move(mutant));
  for (MessageMutant& mutant : ErrorMutants()) mutants.push_back(std::move(mutant));
  return mutants;
}

const MessageCodecCheck& Named(const std::string& name) {
  const auto& checks = MessageCodecChecks();
  const auto check = std::find_if(checks.begin(), checks.end(), [&](const auto& c) { return name == c.name; });
  EXPECT_NE(check, checks.end()) << name;
  return *check;
}

class MessageCodecMutants : public testing::TestWithParam<MessageMutant> {};

TEST_P(MessageCodecMutants, AreCaught) {
  const auto subject = NewMessageSubject(std::make_shared<Mutant>(GetParam().wrong));
  EXPECT_THAT(Named(GetParam().caught_by).run(subject), testing::Not(testing::IsEmpty()));
}

INSTANTIATE_TEST_SUITE_P(Suite, MessageCodecMutants, testing::ValuesIn(Mutants()),
                         [](const auto& tested) { return tested.param.name; });

TEST(MessageCodecMutants, WithoutTheirMistakePass) {
  EXPECT_THAT(CheckMessageCodec(NewMessageSubject(std::make_shared<Mutant>(Wrong{}))), testing::IsEmpty());
}

// Wrong where ids are carried.
class DeafUuidCodec final : public MessageCodec<UuidMessage> {
 public:
  const CodecTraits& traits() const override { return good_->traits(); }
  void WriteHeader(const MessageHeader& header, absl::Span<char> first) const override { good_->WriteHeader(header, first); }
  Peeked PeekHeader(const Payload& payload, Role role) const override { return good_->PeekHeader(payload, role); }
  absl::Status EncodeError(const MessageHeader& header, const absl::Status& error, PayloadWriter& to) const override {
    return good_->EncodeError(header, error, to);
  }
  absl::Status DecodeError(const MessageHeader& header, const Payload& payload) const override {
    return good_->DecodeError(header, payload);
  }
  absl::Status EncodeMessage(const MessageHeader& header, const UuidMessage& message, PayloadWriter& to) const override {
    return good_->EncodeMessage({.kind = header.kind}, message, to);
  }
  absl::StatusOr<UuidMessage> DecodeMessage(const MessageHeader& header, Payload&& payload) const override {
    return good_->DecodeMessage(header, std::move(payload));
  }
  MsgId IdOf(const UuidMessage& message) const override { return good_->IdOf(message); }
  Route RouteOf(const UuidMessage& message) const override { return good_->RouteOf(message); }

 private:
  const std::shared_ptr<const MessageCodec<UuidMessage>> good_ = NewUuidCodec(UuidForm::binary);
};

TEST(MessageCodecMutants, AReplyWithItsOwnIdIsCaught) {
  const auto subject = NewMessageCodecSubject<UuidMessage>(std::make_shared<DeafUuidCodec>(),
                                                           {{std::string(16, 'a'), "text"}, {std::string(16, 'b'), "text"}},
                                                           [](const UuidMessage& message) { return message.text; });
  EXPECT_THAT(Named("AReplyHasItsRequestsId").run(subject), testing::Not(testing::IsEmpty()));
}

}  // namespace
}  // namespace rain
