#include <algorithm>
#include <cstring>

#include "listenrain/testing/packet_codec_checks.h"

namespace rain::packet_checks {

Violations TraitsAreConstantAndSmall(const Subject& subject) {
  Violations violations;
  const PacketTraits first = subject.codec->traits();
  ForEachPacket(subject, violations, [&](const std::string& payload, const Packet& packet) {
    if (first.fixed_header && packet.frame.header != first.max_header) {
      Report(violations, "the header is said to be fixed at ", first.max_header, " bytes, but a payload of ", payload.size(),
             " got ", packet.frame.header);
    }
  });
  const PacketTraits second = subject.codec->traits();
  if (first.max_header != second.max_header || first.max_trailer != second.max_trailer ||
      first.fixed_header != second.fixed_header) {
    Report(violations, "the traits changed");
  }
  if (first.max_header > 4096 || first.max_trailer > 4096) Report(violations, "room for a header or trailer of more than 4 KiB");
  return violations;
}

Violations EncodesIntoItsSpansAlone(const Subject& subject) {
  Violations violations;
  const PacketTraits traits = subject.codec->traits();
  for (const std::string& payload : Payloads(subject)) {
    for (const char around : {'\x00', '\xa5'}) {
      const std::string canary(64, around);
      PlacedBytes header(std::string(traits.max_header, around), around);
      PlacedBytes trailer(std::string(traits.max_trailer, around), around);
      auto frame = subject.codec->EncodePacket({absl::MakeConstSpan(payload)}, {header.data(), header.size()},
                                               {trailer.data(), trailer.size()});
      if (!frame.ok() || frame->header > header.size() || frame->trailer > trailer.size()) {
        Report(violations, "a payload of ", payload.size(), " bytes is not encoded");
        continue;
      }
      const auto intact = [&](const char* from) { return std::memcmp(from, canary.data(), canary.size()) == 0; };
      if (!intact(header.data() - 64) || !intact(header.data() + header.size()))
        Report(violations, "it wrote outside the header's span");
      if (!intact(trailer.data() - 64) || !intact(trailer.data() + trailer.size())) {
        Report(violations, "it wrote outside the trailer's span");
      }
    }
    const auto once = Encode(*subject.codec, {absl::MakeConstSpan(payload)}, '\x00');
    const auto again = Encode(*subject.codec, {absl::MakeConstSpan(payload)}, '\xff');
    if (once.ok() && again.ok() && once->bytes != again->bytes) {
      Report(violations,
             "bytes that it said were used hold what was there before: a header is filled from its span's end, a trailer from "
             "its start (payload of ",
             payload.size(), " bytes)");
    }
  }
  return violations;
}

Violations PayloadPiecesMakeNoDifference(const Subject& subject) {
  Violations violations;
  ForEachPacket(subject, violations, [&](const std::string& payload, const Packet& packet) {
    const absl::Span<const char> all = absl::MakeConstSpan(payload);
    const auto check = [&](const Pieces& pieces, size_t cut) {
      const auto pieced = Encode(*subject.codec, pieces);
      if (!pieced.ok() || pieced->bytes != packet.bytes) {
        Report(violations, "a payload of ", payload.size(), " bytes in ", pieces.size(), " pieces, cut at ", cut,
               ", makes another packet");
      }
    };
    if (payload.empty()) check({}, 0);
    check({all.first(0), all, all.last(0)}, 0);
    for (const size_t cut : Cuts(payload.size())) {
      check({all.first(cut), all.subspan(cut)}, cut);
      check({all.first(cut / 2), all.subspan(cut / 2, cut - cut / 2), all.first(0), all.subspan(cut)}, cut);
    }
  });
  return violations;
}

Violations RefusesWhatItCannotCarry(const Subject& subject) {
  Violations violations;
  for (const std::string& payload : subject.refused) {
    const auto packet = Encode(*subject.codec, {absl::MakeConstSpan(payload)});
    if (packet.status().code() != absl::StatusCode::kInvalidArgument) {
      Report(violations, "a payload that it cannot carry gives ", packet.status().ToString(), " instead of INVALID_ARGUMENT");
    }
  }
  if (subject.max_payload == SIZE_MAX) return violations;
  // Pieces that name the same bytes again and again: a length is reached without the memory.
  const std::string chunk = PayloadOf(subject, std::clamp<size_t>(subject.max_payload, 1, 1 << 20));
  const auto pieces = [&chunk](size_t size) {
    Pieces all;
    for (; size > chunk.size(); size -= chunk.size()) all.push_back(absl::MakeConstSpan(chunk));
    all.push_back(absl::MakeConstSpan(chunk).first(size));
    return all;
  };
  const PacketTraits traits = subject.codec->traits();
  std::string header(traits.max_header, '\0'), trailer(traits.max_trailer, '\0');
  const auto encode = [&](size_t size) {
    return subject.codec->EncodePacket(pieces(size), absl::MakeSpan(header), absl::MakeSpan(trailer)).status();
  };
  if (absl::Status status = encode(subject.max_payload); !status.ok()) {
    Report(violations, "the longest payload, ", subject.max_payload, " bytes, gives ", status.ToString());
  }
  if (absl::Status status = encode(subject.max_payload + 1); status.code() != absl::StatusCode::kResourceExhausted) {
    Report(violations, "a payload of ", subject.max_payload + 1, " bytes gives ", status.ToString(),
           " instead of RESOURCE_EXHAUSTED");
  }
  return violations;
}

}  // namespace rain::packet_checks
