#include "listenrain/testing/packet_codec_suite.h"

#include <algorithm>
#include <initializer_list>

#include "listenrain/testing/packet_codec_checks.h"

namespace rain {
namespace packet_checks {

std::string PayloadOf(const Subject& subject, size_t size) {
  if (subject.payload != nullptr) return subject.payload(size);
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 37 + size);
  return bytes;
}

std::vector<std::string> Payloads(const Subject& subject) {
  std::vector<std::string> payloads;
  for (const size_t size : std::initializer_list<size_t>{0, 1, 2, 3, 9, 10, 127, 128, 255, 256, 257, 1000, 65535, 65536, 70000}) {
    if (size >= subject.min_payload && size <= subject.max_payload) payloads.push_back(PayloadOf(subject, size));
  }
  return payloads;
}

absl::StatusOr<Packet> Encode(const PacketCodec& codec, const Pieces& pieces, char fill) {
  const PacketTraits traits = codec.traits();
  PlacedBytes header(std::string(traits.max_header, fill));
  PlacedBytes trailer(std::string(traits.max_trailer, fill));
  auto frame = codec.EncodePacket(pieces, {header.data(), header.size()}, {trailer.data(), trailer.size()});
  if (!frame.ok()) return frame.status();
  if (frame->header > header.size() || frame->trailer > trailer.size()) {
    return absl::InternalError(absl::StrCat("it used ", frame->header, " bytes of header and ", frame->trailer,
                                            " of trailer, more than its traits' ", header.size(), " and ", trailer.size()));
  }
  Packet packet{.frame = *frame};
  packet.bytes.assign(header.data() + header.size() - frame->header, frame->header);
  for (const absl::Span<const char> piece : pieces) packet.bytes.append(piece.data(), piece.size());
  packet.bytes.append(trailer.data(), frame->trailer);
  return packet;
}

absl::StatusOr<PacketShape> Decode(const PacketCodec& codec, absl::string_view prefix, ScanState& scan) {
  PlacedBytes placed(prefix);
  return codec.DecodePacket({placed.data(), placed.size()}, scan);
}
absl::StatusOr<PacketShape> DecodeAfresh(const PacketCodec& codec, absl::string_view prefix) {
  ScanState scan;
  return Decode(codec, prefix, scan);
}

bool IsWhole(const absl::StatusOr<PacketShape>& shape, const Packet& packet) {
  return shape.ok() && shape->exact && shape->total == packet.bytes.size() && shape->header == packet.frame.header &&
         shape->trailer == packet.frame.trailer;
}

std::string Describe(const absl::StatusOr<PacketShape>& shape) {
  if (!shape.ok()) return absl::StrCat("the error ", shape.status().ToString());
  return absl::StrCat("total ", shape->total, ", header ", shape->header, ", trailer ", shape->trailer,
                      shape->exact ? ", exact" : ", not exact");
}

std::vector<size_t> Cuts(size_t size) {
  std::vector<size_t> cuts;
  for (size_t at = 1; at < size; at += (size <= 2048 || at < 64 || size - at <= 64) ? 1 : std::min<size_t>(997, size - at - 64)) {
    cuts.push_back(at);
  }
  return cuts;
}

}  // namespace packet_checks

const std::vector<PacketCodecCheck>& PacketCodecChecks() {
  using namespace packet_checks;
  static const auto& checks = *new std::vector<PacketCodecCheck>{
      {"TraitsAreConstantAndSmall", TraitsAreConstantAndSmall},
      {"EncodesIntoItsSpansAlone", EncodesIntoItsSpansAlone},
      {"DecodesWholePackets", DecodesWholePackets},
      {"DecodesByteByByte", DecodesByteByByte},
      {"DecodesAtEverySplit", DecodesAtEverySplit},
      {"DecodesPacketsInARow", DecodesPacketsInARow},
      {"PayloadPiecesMakeNoDifference", PayloadPiecesMakeNoDifference},
      {"RefusesWhatItCannotCarry", RefusesWhatItCannotCarry},
      {"ChannelsDoNotMix", ChannelsDoNotMix},
      {"LooksAtGivenBytesAlone", LooksAtGivenBytesAlone},
      {"RefusesCorruptInput", RefusesCorruptInput},
      {"LooksAtNoByteTwice", LooksAtNoByteTwice},
      {"ServesSeveralThreads", ServesSeveralThreads},
  };
  return checks;
}

Violations CheckPacketCodec(const PacketCodecSubject& subject) {
  Violations all;
  for (const PacketCodecCheck& check : PacketCodecChecks()) {
    for (const std::string& violation : check.run(subject)) all.push_back(absl::StrCat(check.name, ": ", violation));
  }
  return all;
}

}  // namespace rain
