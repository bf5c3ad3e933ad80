#include "listenrain/testing/message_codec_suite.h"

#include "listenrain/testing/message_codec_checks.h"

namespace rain {

const std::vector<MessageCodecCheck>& MessageCodecChecks() {
  using namespace message_checks;
  static const auto& checks = *new std::vector<MessageCodecCheck>{
      {"TraitsAreConstantAndPossible", TraitsAreConstantAndPossible},
      {"EveryMessageComesBack", EveryMessageComesBack},
      {"IdsComeBackWhole", IdsComeBackWhole},
      {"WriteHeaderPatchesItsBytesAlone", WriteHeaderPatchesItsBytesAlone},
      {"ControlMessagesAreTheHeaderAlone", ControlMessagesAreTheHeaderAlone},
      {"AReplyHasItsRequestsId", AReplyHasItsRequestsId},
      {"ErrorsComeBack", ErrorsComeBack},
      {"LongErrorTextsAreCut", LongErrorTextsAreCut},
      {"PiecesMakeNoDifference", PiecesMakeNoDifference},
      {"WriterBlocksMakeNoDifference", WriterBlocksMakeNoDifference},
      {"LargeBodiesAreNotCopied", LargeBodiesAreNotCopied},
      {"AMessageKeepsItsBytes", AMessageKeepsItsBytes},
      {"TruncatedMessagesAreNoMessages", TruncatedMessagesAreNoMessages},
      {"LooksAtThePayloadAlone", LooksAtThePayloadAlone},
      {"AWriterWithoutRoomIsAnError", AWriterWithoutRoomIsAnError},
      {"ServesSeveralThreads", ServesSeveralThreads},
  };
  return checks;
}

Violations CheckMessageCodec(const MessageCodecSubject& subject) {
  Violations all;
  for (const MessageCodecCheck& check : MessageCodecChecks()) {
    for (const std::string& violation : check.run(subject)) all.push_back(absl::StrCat(check.name, ": ", violation));
  }
  return all;
}

}  // namespace rain
