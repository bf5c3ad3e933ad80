#include "listenrain/codecs/zigzag_prefix.h"

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

constexpr uint64_t kMost = (uint64_t{1} << 62) - 1;

absl::Status Corrupt(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("zig-zag prefix: ", what,
                   ": the peer frames its packets differently (is its max_payload_bytes the same?), or the "
                   "stream is corrupt"));
}

class ZigzagPrefixCodec final : public PacketCodec {
 public:
  explicit ZigzagPrefixCodec(uint64_t max) : max_(max), width_(ZigzagHeaderBytes(max)) {}

  PacketTraits traits() const override { return {.max_header = width_, .max_trailer = 0, .fixed_header = true}; }

  absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>> payload, absl::Span<char> header,
                                     absl::Span<char>) const override {
    uint64_t size = 0;
    for (const absl::Span<const char> piece : payload) size += piece.size();
    if (size > max_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("zig-zag prefix: a payload of ", size, " bytes, where at most ", max_,
                       " were agreed: raise max_payload_bytes on both sides, or send less at once"));
    }
    // Zig-zag of what is not negative is twice that. Seven bits a byte, the lowest first; all bytes but the last have the top
    // bit.
    uint64_t rest = size << 1;
    for (char& byte : header.last(width_)) {
      byte = static_cast<char>(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return Frame{.header = width_, .trailer = 0};
  }

  absl::StatusOr<PacketShape> DecodePacket(absl::Span<const char> prefix, ScanState&) const override {
    if (prefix.size() < width_) return PacketShape{.total = width_, .header = width_, .trailer = 0, .exact = false};
    uint64_t zigzag = 0;
    size_t at = 0;
    for (bool more = true; more; ++at) {
      if (at == width_) return Corrupt("a length that does not end within the header");
      const auto byte = static_cast<uint8_t>(prefix[at]);
      more = byte >= 0x80;
      if (byte == 0 && at > 0) return Corrupt("a length with needless bytes");
      zigzag |= uint64_t{byte & 0x7fu} << (7 * at);
    }
    for (; at < width_; ++at) {
      if (prefix[at] != 0) return Corrupt("a header that goes on behind its length");
    }
    if ((zigzag & 1) != 0) return Corrupt("a negative length");
    if ((zigzag >> 1) > max_) return Corrupt(absl::StrCat("a length of ", zigzag >> 1, ", where at most ", max_, " were agreed"));
    return PacketShape{.total = width_ + static_cast<size_t>(zigzag >> 1), .header = width_, .trailer = 0, .exact = true};
  }

 private:
  const uint64_t max_;
  const size_t width_;  // of the header; at most 9, so that a length has at most 63 bits
};

}  // namespace

absl::StatusOr<std::shared_ptr<const PacketCodec>> NewZigzagPrefixCodec(const ZigzagPrefixOptions& options) {
  if (options.max_payload_bytes == 0 || options.max_payload_bytes > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("zig-zag prefix: max_payload_bytes is ", options.max_payload_bytes, ": use 1 to ", kMost));
  }
  return std::make_shared<ZigzagPrefixCodec>(options.max_payload_bytes);
}

}  // namespace rain
