// A packet codec of a user's own, held against the installed conformance suite: packets end with a zero byte.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "listenrain/testing/packet_codec_suite.h"

namespace {

class ZeroEndedCodec final : public rain::PacketCodec {
 public:
  rain::PacketTraits traits() const override { return {.max_header = 0, .max_trailer = 1, .fixed_header = true}; }

  absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>> payload, absl::Span<char>,
                                     absl::Span<char> trailer) const override {
    for (const auto& piece : payload) {
      if (std::find(piece.begin(), piece.end(), '\0') != piece.end())
        return absl::InvalidArgumentError("a payload holds a zero byte");
    }
    trailer[0] = '\0';
    return Frame{.header = 0, .trailer = 1};
  }

  absl::StatusOr<rain::PacketShape> DecodePacket(absl::Span<const char> prefix, rain::ScanState& scan) const override {
    const auto end = std::find(prefix.begin() + static_cast<ptrdiff_t>(scan.scanned), prefix.end(), '\0');
    scan.scanned = static_cast<size_t>(end - prefix.begin());
    return rain::PacketShape{.total = scan.scanned + 1, .header = 0, .trailer = 1, .exact = end != prefix.end()};
  }
};

}  // namespace

int main() {
  const auto violations = rain::CheckPacketCodec({.codec = std::make_shared<ZeroEndedCodec>(),
                                                  .payload = [](size_t size) { return std::string(size, 'x'); },
                                                  .refused = {std::string("a\0b", 3)},
                                                  .corrupt = {}});
  for (const std::string& violation : violations) std::cout << violation << "\n";
  return violations.empty() ? 0 : 1;
}
