#include "listenrain/testing/line_codec.h"

#include <cstring>
#include <utility>

namespace rain {
namespace {

class LinePacketCodec final : public PacketCodec {
 public:
  PacketTraits traits() const override { return {.max_header = 0, .max_trailer = 1, .fixed_header = true}; }

  absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>> payload, absl::Span<char>,
                                     absl::Span<char> trailer) const override {
    for (const absl::Span<const char> piece : payload) {
      if (!piece.empty() && std::memchr(piece.data(), '\n', piece.size()) != nullptr) {
        return absl::InvalidArgumentError("line codec: a line feed within a line: escape it, or send two lines");
      }
    }
    trailer[0] = '\n';
    return Frame{.header = 0, .trailer = 1};
  }

  absl::StatusOr<PacketShape> DecodePacket(absl::Span<const char> prefix, ScanState& scan) const override {
    const char* const from = prefix.data() + scan.scanned;
    const void* const end = std::memchr(from, '\n', prefix.size() - scan.scanned);
    if (end == nullptr) {
      scan.scanned = prefix.size();
      return PacketShape{.total = prefix.size() + 1, .header = 0, .trailer = 1, .exact = false};
    }
    const auto total = static_cast<size_t>(static_cast<const char*>(end) - prefix.data()) + 1;
    scan.scanned = total - 1;
    return PacketShape{.total = total, .header = 0, .trailer = 1, .exact = true};
  }
};

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

std::shared_ptr<const PacketCodec> NewLinePacketCodec() { return std::make_shared<LinePacketCodec>(); }
std::shared_ptr<const MessageCodec<std::string>> NewLineCodec() { return std::make_shared<LineCodec>(); }

}  // namespace rain
