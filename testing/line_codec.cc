#include "listenrain/testing/line_codec.h"

#include <algorithm>
#include <utility>

#include "listenrain/codecs/delimiter.h"

namespace rain {
namespace {

class LineCodec final : public MessageCodec<std::string> {
 public:
  const CodecTraits& traits() const override { return traits_; }
  void WriteHeader(const MessageHeader&, absl::Span<char>) const override {}
  absl::StatusOr<MessageHeader> PeekHeader(const Payload&, Role role) const override {
    return MessageHeader{.kind = role == Role::acceptor ? MessageKind::request : MessageKind::reply};
  }
  absl::Status EncodeError(const MessageHeader&, const absl::Status&, PayloadWriter&) const override {
    return absl::FailedPreconditionError("line codec: a line is no error reply: let the handler answer with a line of its own");
  }
  absl::Status DecodeError(const MessageHeader&, const Payload&) const override {
    return absl::FailedPreconditionError("line codec: a line is no error reply");
  }
  absl::Status EncodeMessage(const MessageHeader&, const std::string& line, PayloadWriter& to) const override {
    to.Append(absl::string_view(line));
    return to.status();
  }
  absl::StatusOr<std::string> DecodeMessage(const MessageHeader&, Payload&& payload) const override { return ToString(payload); }
  MsgId IdOf(const std::string&) const override { return {}; }
  Route RouteOf(const std::string& line) const override {
    return absl::string_view(line).substr(0, std::min(line.find(' '), line.size()));
  }

 private:
  const CodecTraits traits_{.ids = IdPolicy::in_order, .kinds = 0, .header_bytes = 0, .payload_alignment = 1};
};

}  // namespace

std::shared_ptr<const PacketCodec> NewLinePacketCodec() { return NewDelimiterCodec(); }
std::shared_ptr<const MessageCodec<std::string>> NewLineCodec() { return std::make_shared<LineCodec>(); }

}  // namespace rain
