#include "listenrain/framework/responder.h"

#include <exception>

#include "absl/strings/str_cat.h"
#include "listenrain/framework/protocol.h"
#include "listenrain/framework/shard.h"
#include "listenrain/framework/transport.h"

namespace rain {

absl::Status Answer::CheckExpected() const {
  if (expected()) return absl::OkStatus();
  return absl::FailedPreconditionError("no answer is expected: the message is one-way, or was answered before");
}

absl::Status Answer::Send(Encode encode) {
  if (absl::Status status = CheckExpected(); !status.ok()) return status;
  if (lost()) {
    bytes_ = 0;
    return absl::UnavailableError(absl::StrCat("the channel to ", box_->peer().address, " that the request came on is closed"));
  }
  Submission reply;
  reply.header.kind = MessageKind::reply;
  reply.header.id = id_;
  reply.answered_bytes = bytes_;
  reply.channel = channel_;
  absl::Status status = box_->Submit(reply, encode);
  if (!status.ok() && !lost()) (void)SendError(status);  // the reason is returned below, whether the peer hears it or not
  bytes_ = 0;
  return status;
}

absl::Status Answer::Fail(const absl::Status& why) {
  if (absl::Status status = CheckExpected(); !status.ok()) return status;
  absl::Status status = SendError(why.ok() ? absl::UnknownError("the handler failed with an OK status") : why);
  bytes_ = 0;
  return status;
}

absl::Status Answer::SendError(const absl::Status& why) {
  const HeaderCodec& codec = *box_->protocol().header_codec;
  absl::Status status = absl::FailedPreconditionError(absl::StrCat(
      "protocol \"", box_->protocol().name, "\" has no error replies on its wire: the caller hears nothing of ", why.message()));
  if (box_->protocol().traits.Has(MessageKind::error)) {
    Submission error;
    error.header.kind = MessageKind::error;
    error.header.id = id_;
    error.answered_bytes = bytes_;
    error.channel = channel_;
    status =
        box_->Submit(error, [&](const MessageHeader& header, PayloadWriter& to) { return codec.EncodeError(header, why, to); });
    if (status.ok() || lost()) return status;
  }
  // Nothing can be said, on this wire or with these parts: the request is dropped, or in order, where a gap would shift all
  // replies, the channel ends.
  box_->shard().Execute([box = box_, id = id_, bytes = bytes_, channel = channel_] {
    if (box->opened_transport() != nullptr) box->opened_transport()->DropUnanswered(id, bytes, channel);
  });
  return status;
}

Answer::~Answer() {
  if (box_ && one_way_ && bytes_ > 0) box_->PostHandled(bytes_);
  if (!box_ || !expected()) return;
  const bool threw = std::uncaught_exceptions() > 0;
  (void)SendError(absl::InternalError(threw ? "the handler threw" : "the handler dropped the request unanswered"));
}

}  // namespace rain
