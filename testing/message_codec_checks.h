// What the message codec suite's checks share. Not for users.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "listenrain/testing/message_codec_suite.h"

namespace rain::message_checks {

using Subject = MessageCodecSubject;
using Sample = MessageCodecSubject::Sample;

// The kinds that messages have, as Role reads them: all that the codec has but error, those that are a header alone, and the
// reserved; request and reply where it has none.
std::vector<MessageKind> KindsOf(const HeaderCodec& codec);
Role ReaderOf(MessageKind kind);

// A header such as the engine gives for this kind: with an id where the transport has one to give.
MessageHeader HeaderFor(const Subject& subject, const Sample& sample, MessageKind kind);

// A copy of the bytes.
Payload OnePiece(std::string bytes);
// Borrowed bytes, exactly where they are.
Payload InPlace(PlacedBytes& bytes);
Payload TwoPieces(absl::string_view bytes, size_t cut);

// Of the PayloadWriter that a check writes to.
struct WriterOptions {
  size_t max_bytes = 64 << 20;
  size_t block_bytes = 1 << 10;
};
// The payload that `encode` writes, as pieces; and as one string.
absl::StatusOr<Payload> Written(absl::FunctionRef<absl::Status(PayloadWriter&)> encode, const WriterOptions& options = {});
absl::StatusOr<std::string> Encoded(const Sample& sample, const MessageHeader& header);
absl::StatusOr<std::string> EncodedError(const Subject& subject, const absl::Status& error);
// The id that EncodedError's header has.
MsgId ErrorId(const Subject& subject);
// Where to cut `size` bytes: everywhere between, or near both ends and here and there.
std::vector<size_t> Cuts(size_t from, size_t size);

// "kind 1, id 7, flags 0x0, remaining inf": the fields that the wire has.
std::string Describe(const Subject& subject, const absl::StatusOr<MessageHeader>& header);
std::string Describe(const absl::StatusOr<std::string>& described);

// Each sample in each kind, with its header and bytes.
template <typename Use>
void ForEachMessage(const Subject& subject, Violations& violations, Use use) {
  for (const MessageKind kind : KindsOf(*subject.codec)) {
    for (const Sample& sample : subject.samples) {
      const MessageHeader header = HeaderFor(subject, sample, kind);
      const absl::StatusOr<std::string> bytes = Encoded(sample, header);
      if (bytes.ok()) {
        use(sample, header, *bytes);
      } else {
        Report(violations, "[", sample.described, "] as kind ", static_cast<int>(kind),
               " is not encoded: ", bytes.status().ToString());
      }
    }
  }
}

// message_codec_checks.cc: what is written comes back.
Violations TraitsAreConstantAndPossible(const Subject& subject);
Violations EveryMessageComesBack(const Subject& subject);
Violations IdsComeBackWhole(const Subject& subject);
Violations WriteHeaderPatchesItsBytesAlone(const Subject& subject);
Violations ControlMessagesAreTheHeaderAlone(const Subject& subject);
Violations AReplyHasItsRequestsId(const Subject& subject);
Violations ErrorsComeBack(const Subject& subject);
Violations LongErrorTextsAreCut(const Subject& subject);

// message_codec_hostile_checks.cc: however it is cut, damaged or refused room, and whoever else calls it.
Violations PiecesMakeNoDifference(const Subject& subject);
Violations WriterBlocksMakeNoDifference(const Subject& subject);
Violations LargeBodiesAreNotCopied(const Subject& subject);
Violations AMessageKeepsItsBytes(const Subject& subject);
Violations TruncatedMessagesAreNoMessages(const Subject& subject);
Violations LooksAtThePayloadAlone(const Subject& subject);
Violations AWriterWithoutRoomIsAnError(const Subject& subject);
Violations ServesSeveralThreads(const Subject& subject);

}  // namespace rain::message_checks
