// What the packet codec suite's checks share. Not for users.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "listenrain/testing/packet_codec_suite.h"

namespace rain::packet_checks {

using Subject = PacketCodecSubject;
using Pieces = std::vector<absl::Span<const char>>;

// What a codec made, and how it is framed.
struct Packet {
  std::string bytes;
  PacketCodec::Frame frame;
};

// As the subject says, or bytes of every value.
std::string PayloadOf(const Subject& subject, size_t size);
// Of many sizes, all that the format can carry.
std::vector<std::string> Payloads(const Subject& subject);

// Encodes into spans of exactly the announced size, whose bytes are `fill` before.
absl::StatusOr<Packet> Encode(const PacketCodec& codec, const Pieces& pieces, char fill = 'h');

// Decodes bytes that lie in memory of exactly their size.
absl::StatusOr<PacketShape> Decode(const PacketCodec& codec, absl::string_view prefix, ScanState& scan);
absl::StatusOr<PacketShape> DecodeAfresh(const PacketCodec& codec, absl::string_view prefix);

// Whether the decoder found all of the packet, framed as the encoder said.
bool IsWhole(const absl::StatusOr<PacketShape>& shape, const Packet& packet);
std::string Describe(const absl::StatusOr<PacketShape>& shape);

// Where to cut something of `size` bytes: everywhere, or near its ends and here and there.
std::vector<size_t> Cuts(size_t size);

// Each payload that the codec can carry, in its packet.
template <typename Use>
void ForEachPacket(const Subject& subject, Violations& violations, Use use) {
  for (const std::string& payload : Payloads(subject)) {
    const absl::StatusOr<Packet> packet = Encode(*subject.codec, {absl::MakeConstSpan(payload)});
    if (!packet.ok()) {
      Report(violations, "a payload of ", payload.size(), " bytes is not encoded: ", packet.status().ToString());
    } else if (!packet->bytes.empty()) {
      use(payload, *packet);
    } else {
      Report(violations, "a payload of ", payload.size(), " bytes becomes a packet of no bytes");
    }
  }
}

// packet_codec_encoding_checks.cc: what is written.
Violations TraitsAreConstantAndSmall(const Subject& subject);
Violations EncodesIntoItsSpansAlone(const Subject& subject);
Violations PayloadPiecesMakeNoDifference(const Subject& subject);
Violations RefusesWhatItCannotCarry(const Subject& subject);

// packet_codec_decoding_checks.cc: what is read, however much of it is there.
Violations DecodesWholePackets(const Subject& subject);
Violations DecodesByteByByte(const Subject& subject);
Violations DecodesAtEverySplit(const Subject& subject);
Violations DecodesPacketsInARow(const Subject& subject);
Violations ChannelsDoNotMix(const Subject& subject);
Violations LooksAtGivenBytesAlone(const Subject& subject);
Violations RefusesCorruptInput(const Subject& subject);
Violations LooksAtNoByteTwice(const Subject& subject);
Violations ServesSeveralThreads(const Subject& subject);

}  // namespace rain::packet_checks
