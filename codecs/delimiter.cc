#include "listenrain/codecs/delimiter.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace rain {
namespace {

constexpr size_t kMaxDelimiter = 255;

// Finds the delimiter in bytes that come in parts: how much of it the last bytes were is all that is kept between them (Knuth,
// Morris and Pratt).
class Finder {
 public:
  explicit Finder(std::string delimiter) : delimiter_(std::move(delimiter)) {
    size_t matched = 0;
    for (size_t i = 1; i < delimiter_.size(); ++i) {
      matched = Step(matched, delimiter_[i]);
      borders_[i] = static_cast<uint8_t>(matched);
    }
  }

  const std::string& delimiter() const { return delimiter_; }

  // Reads to the end of the delimiter, or to the end of `bytes`: how many were read. `matched` is how many bytes of the delimiter
  // were the last ones, before and after; the whole delimiter was found if it is as many as that has.
  size_t Read(absl::Span<const char> bytes, size_t& matched) const {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end && matched < delimiter_.size()) {
      if (matched == 0) {
        const void* const first = std::memchr(at, delimiter_[0], static_cast<size_t>(end - at));
        if (first == nullptr) return bytes.size();
        at = static_cast<const char*>(first);
      }
      matched = Step(matched, *at++);
    }
    return static_cast<size_t>(at - bytes.data());
  }

 private:
  // How much of the delimiter the last bytes are, if they were `matched` bytes of it before `next`.
  size_t Step(size_t matched, char next) const {
    while (matched > 0 && delimiter_[matched] != next) matched = borders_[matched - 1];
    return delimiter_[matched] == next ? matched + 1 : 0;
  }

  const std::string delimiter_;
  // Of the delimiter's first i + 1 bytes: the longest beginning, but not all, that is their end too.
  std::array<uint8_t, kMaxDelimiter> borders_{};
};

class DelimiterCodec final : public PacketCodec {
 public:
  explicit DelimiterCodec(const std::string& delimiter) : finder_(delimiter) {}

  PacketTraits traits() const override { return {.max_header = 0, .max_trailer = size(), .fixed_header = true}; }

  absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>> payload, absl::Span<char>,
                                     absl::Span<char> trailer) const override {
    size_t matched = 0;
    for (const absl::Span<const char> piece : payload) {
      if (piece.empty()) continue;
      finder_.Read(piece, matched);
      if (matched == size()) return Holds();
    }
    if (finder_.Read(finder_.delimiter(), matched) < size()) return Holds();
    std::memcpy(trailer.data(), finder_.delimiter().data(), size());
    return Frame{.header = 0, .trailer = size()};
  }

  absl::StatusOr<PacketShape> DecodePacket(absl::Span<const char> prefix, ScanState& scan) const override {
    auto matched = static_cast<size_t>(scan.memory);
    const size_t end = scan.scanned + finder_.Read(prefix.subspan(scan.scanned), matched);
    const bool found = matched == size();
    // The delimiter's last byte is left to be read again, should the same packet be asked for once more.
    scan.scanned = found ? end - 1 : end;
    scan.memory = found ? matched - 1 : matched;
    return PacketShape{.total = end + size() - matched, .header = 0, .trailer = size(), .exact = found};
  }

 private:
  size_t size() const { return finder_.delimiter().size(); }
  absl::Status Holds() const {
    return absl::InvalidArgumentError(absl::StrCat("delimiter codec: the payload holds the delimiter, \"",
                                                   absl::CHexEscape(finder_.delimiter()), "\": escape it, or send two packets"));
  }

  const Finder finder_;
};

}  // namespace

std::shared_ptr<const PacketCodec> NewDelimiterCodec() { return std::make_shared<DelimiterCodec>("\n"); }

absl::StatusOr<std::shared_ptr<const PacketCodec>> NewDelimiterCodec(const DelimiterOptions& options) {
  if (options.delimiter.empty() || options.delimiter.size() > kMaxDelimiter) {
    return absl::InvalidArgumentError(
        absl::StrCat("delimiter codec: a delimiter of ", options.delimiter.size(), " bytes: use 1 to ", kMaxDelimiter));
  }
  return std::make_shared<DelimiterCodec>(options.delimiter);
}

}  // namespace rain
