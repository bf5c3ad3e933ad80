#include "listenrain/codecs/length_prefix.h"

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"

namespace rain {
namespace {

absl::Status TooLong(uint64_t size, uint64_t most) {
  return absl::ResourceExhaustedError(absl::StrCat("length prefix: a payload of ", size,
                                                   " bytes, where the length can say at most ", most,
                                                   ": use a wider prefix, or send less at once"));
}

absl::Status TooShort(uint64_t length, size_t width) {
  return absl::DataLossError(absl::StrCat("length prefix: a length of ", length, " that counts its own ", width,
                                          " bytes: the peer frames its packets differently, or the stream is corrupt"));
}

absl::Status TooFar(uint64_t length) {
  return absl::DataLossError(
      absl::StrCat("length prefix: a length of ", length,
                   ", more than memory can have: the peer frames its packets differently, or the stream is corrupt"));
}

// Width and order are compiled in: with them a length is one load.
template <typename Word, ByteOrder kOrder>
class LengthPrefixCodec final : public PacketCodec {
 public:
  explicit LengthPrefixCodec(bool counts_itself) : counted_(counts_itself ? kWidth : 0) {}

  PacketTraits traits() const override { return {.max_header = kWidth, .max_trailer = 0, .fixed_header = true}; }

  absl::StatusOr<Frame> EncodePacket(absl::Span<const absl::Span<const char>> payload, absl::Span<char> header,
                                     absl::Span<char>) const override {
    uint64_t size = 0;
    for (const absl::Span<const char> piece : payload) size += piece.size();
    if (size > kMax - counted_) return TooLong(size, kMax - counted_);
    Store<Word, kOrder>(header.data() + header.size() - kWidth, static_cast<Word>(size + counted_));
    return Frame{.header = kWidth, .trailer = 0};
  }

  absl::StatusOr<PacketShape> DecodePacket(absl::Span<const char> prefix, ScanState&) const override {
    if (prefix.size() < kWidth) return PacketShape{.total = kWidth, .header = kWidth, .trailer = 0, .exact = false};
    const uint64_t length = Load<Word, kOrder>(prefix.data());
    if (length < counted_) return TooShort(length, kWidth);
    if (length - counted_ > std::numeric_limits<size_t>::max() - kWidth) return TooFar(length);
    return PacketShape{.total = kWidth + static_cast<size_t>(length - counted_), .header = kWidth, .trailer = 0, .exact = true};
  }

 private:
  static constexpr size_t kWidth = sizeof(Word);
  static constexpr uint64_t kMax = std::numeric_limits<Word>::max();

  const size_t counted_;  // bytes in front of the payload that the length includes
};

template <typename Word>
std::shared_ptr<const PacketCodec> Make(const LengthPrefixOptions& options) {
  if (options.order == ByteOrder::big) return std::make_shared<LengthPrefixCodec<Word, ByteOrder::big>>(options.counts_itself);
  return std::make_shared<LengthPrefixCodec<Word, ByteOrder::little>>(options.counts_itself);
}

}  // namespace

std::shared_ptr<const PacketCodec> NewLengthPrefixCodec() { return Make<uint32_t>({}); }

absl::StatusOr<std::shared_ptr<const PacketCodec>> NewLengthPrefixCodec(const LengthPrefixOptions& options) {
  switch (options.width) {
    case 1:
      return Make<uint8_t>(options);
    case 2:
      return Make<uint16_t>(options);
    case 4:
      return Make<uint32_t>(options);
    case 8:
      return Make<uint64_t>(options);
    default:
      return absl::InvalidArgumentError(absl::StrCat("length prefix: a width of ", options.width, " bytes: use 1, 2, 4 or 8"));
  }
}

}  // namespace rain
