#include "listenrain/testing/packet_codec_suite.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace rain {
namespace {

using Pieces = std::vector<absl::Span<const char>>;

struct Packet {
  std::string bytes;
  PacketCodec::Frame frame;
};

std::string PayloadOf(const PacketCodecSubject& subject, size_t size) {
  if (subject.payload != nullptr) return subject.payload(size);
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 37 + size);
  return bytes;
}

std::vector<std::string> Payloads(const PacketCodecSubject& subject) {
  std::vector<std::string> payloads;
  for (const size_t size : std::initializer_list<size_t>{0, 1, 2, 3, 9, 10, 127, 128, 255, 256, 257, 1000, 65535, 65536, 70000}) {
    if (size >= subject.min_payload && size <= subject.max_payload) payloads.push_back(PayloadOf(subject, size));
  }
  return payloads;
}

// Encodes into spans of exactly the announced size, whose bytes are `fill` before.
absl::StatusOr<Packet> Encode(const PacketCodec& codec, const Pieces& pieces, char fill = 'h') {
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

std::string Describe(const absl::StatusOr<PacketShape>& shape) {
  if (!shape.ok()) return absl::StrCat("the error ", shape.status().ToString());
  return absl::StrCat("total ", shape->total, ", header ", shape->header, ", trailer ", shape->trailer,
                      shape->exact ? ", exact" : ", not exact");
}

// Each payload that the codec can carry, in its packet.
template <typename Use>
void ForEachPacket(const PacketCodecSubject& subject, Violations& violations, Use use) {
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

bool IsWhole(const absl::StatusOr<PacketShape>& shape, const Packet& packet) {
  return shape.ok() && shape->exact && shape->total == packet.bytes.size() && shape->header == packet.frame.header &&
         shape->trailer == packet.frame.trailer;
}

absl::StatusOr<PacketShape> Decode(const PacketCodec& codec, absl::string_view prefix, ScanState& scan) {
  PlacedBytes placed(prefix);
  return codec.DecodePacket({placed.data(), placed.size()}, scan);
}
absl::StatusOr<PacketShape> DecodeAfresh(const PacketCodec& codec, absl::string_view prefix) {
  ScanState scan;
  return Decode(codec, prefix, scan);
}

// Where to cut something of `size` bytes: everywhere, or near its ends and here and there.
std::vector<size_t> Cuts(size_t size) {
  std::vector<size_t> cuts;
  for (size_t at = 1; at < size; at += (size <= 2048 || at < 64 || size - at <= 64) ? 1 : std::min<size_t>(997, size - at - 64)) {
    cuts.push_back(at);
  }
  return cuts;
}

Violations TraitsAreConstantAndSmall(const PacketCodecSubject& subject) {
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

Violations EncodesIntoItsSpansAlone(const PacketCodecSubject& subject) {
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

Violations DecodesWholePackets(const PacketCodecSubject& subject) {
  Violations violations;
  ForEachPacket(subject, violations, [&](const std::string& payload, const Packet& packet) {
    const auto shape = DecodeAfresh(*subject.codec, packet.bytes);
    if (!IsWhole(shape, packet)) {
      Report(violations, "the packet of a payload of ", payload.size(), " bytes is total ", packet.bytes.size(), ", header ",
             packet.frame.header, ", trailer ", packet.frame.trailer, ", but is decoded as ", Describe(shape));
    }
  });
  return violations;
}

// What holds at each look at a packet that grows; `previous` is what the look before said.
void CheckLook(const Packet& packet, size_t seen, const absl::StatusOr<PacketShape>& shape, std::optional<PacketShape>& previous,
               Violations& violations) {
  const auto wrong = [&](absl::string_view what) {
    Report(violations, "of a packet of ", packet.bytes.size(), " bytes, after ", seen, " bytes: ", what, ": ", Describe(shape));
  };
  if (seen >= packet.bytes.size()) {
    if (!IsWhole(shape, packet)) wrong("it is there, and should be seen so");
  } else if (!shape.ok()) {
    wrong("its beginning is refused");
  } else if (shape->total <= seen) {
    wrong("it is said to be complete too early");
  } else if (shape->total > packet.bytes.size()) {
    wrong("more is asked for than will come");
  } else if (shape->exact && !IsWhole(shape, packet)) {
    wrong("what is announced as exact is wrong");
  }
  if (!shape.ok()) return;
  if (previous.has_value() && shape->total < previous->total) wrong("the total shrank");
  if (previous.has_value() && previous->exact && !shape->exact) wrong("the total was exact, and is so no more");
  previous = *shape;
}

Violations DecodesByteByByte(const PacketCodecSubject& subject) {
  Violations violations;
  ForEachPacket(subject, violations, [&](const std::string&, const Packet& packet) {
    if (packet.bytes.size() > 4096) return;
    ScanState scan;
    std::optional<PacketShape> previous;
    for (size_t seen = 1; seen <= packet.bytes.size(); ++seen) {
      const ScanState before = scan;
      const auto shape = Decode(*subject.codec, absl::string_view(packet.bytes).substr(0, seen), scan);
      CheckLook(packet, seen, shape, previous, violations);
      if (scan.scanned < before.scanned) Report(violations, "scan.scanned went back from ", before.scanned, " to ", scan.scanned);
      if (scan.scanned > seen) Report(violations, "scan.scanned is ", scan.scanned, " after ", seen, " bytes");
    }
  });
  return violations;
}

Violations DecodesAtEverySplit(const PacketCodecSubject& subject) {
  Violations violations;
  ForEachPacket(subject, violations, [&](const std::string&, const Packet& packet) {
    for (const size_t cut : Cuts(packet.bytes.size())) {
      ScanState scan;
      std::optional<PacketShape> previous;
      CheckLook(packet, cut, Decode(*subject.codec, absl::string_view(packet.bytes).substr(0, cut), scan), previous, violations);
      CheckLook(packet, packet.bytes.size(), Decode(*subject.codec, packet.bytes, scan), previous, violations);
    }
  });
  return violations;
}

Violations DecodesPacketsInARow(const PacketCodecSubject& subject) {
  Violations violations;
  std::string stream;
  std::vector<Packet> packets;
  ForEachPacket(subject, violations, [&](const std::string&, const Packet& packet) {
    if (packet.bytes.size() > 4096) return;
    stream += packet.bytes;
    packets.push_back(packet);
  });
  absl::string_view rest(stream);
  for (size_t i = 0; i < packets.size(); ++i) {
    const auto all = DecodeAfresh(*subject.codec, rest);
    if (!IsWhole(all, packets[i])) Report(violations, "packet ", i, " with all that follow is decoded as ", Describe(all));
    const size_t size = packets[i].bytes.size();
    for (size_t more = 1; more <= 16 && size + more <= rest.size(); ++more) {
      const auto some = DecodeAfresh(*subject.codec, rest.substr(0, size + more));
      if (!IsWhole(some, packets[i]))
        Report(violations, "packet ", i, " with ", more, " bytes of the next is decoded as ", Describe(some));
    }
    rest.remove_prefix(size);
  }
  return violations;
}

Violations PayloadPiecesMakeNoDifference(const PacketCodecSubject& subject) {
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

Violations RefusesWhatItCannotCarry(const PacketCodecSubject& subject) {
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

// Decodes with one and with another value in the memory around the bytes: a difference shows a look outside.
void CheckOneLook(const PacketCodecSubject& subject, absl::string_view bytes, Violations& violations) {
  std::optional<std::string> first;
  for (const char around : {'\x00', '\xff', '\n'}) {
    PlacedBytes placed(bytes, around);
    ScanState scan;
    const auto shape = subject.codec->DecodePacket({placed.data(), placed.size()}, scan);
    if (!first.has_value()) first = Describe(shape);
    if (*first != Describe(shape)) {
      Report(violations, "bytes beyond the ", bytes.size(), " given make a difference: ", *first, ", then ", Describe(shape));
    }
    if (!shape.ok()) continue;
    if (shape->total == 0) Report(violations, "a packet of no bytes is announced");
    if (shape->total <= bytes.size() && (shape->header > shape->total || shape->trailer > shape->total - shape->header)) {
      Report(violations, "header and trailer are more than the packet: ", Describe(shape));
    }
  }
  (void)DecodeAfresh(*subject.codec, bytes);  // exactly placed, for AddressSanitizer
}

Violations LooksAtGivenBytesAlone(const PacketCodecSubject& subject) {
  Violations violations;
  Dice dice(1);
  for (int round = 0; round < 2000; ++round) {
    std::string noise(1 + dice.Below(40), '\0');
    for (char& byte : noise) byte = dice.Byte();
    CheckOneLook(subject, noise, violations);
  }
  ForEachPacket(subject, violations, [&](const std::string&, const Packet& packet) {
    for (size_t size = 1; size <= std::min<size_t>(packet.bytes.size(), 300); ++size) {
      CheckOneLook(subject, absl::string_view(packet.bytes).substr(0, size), violations);
    }
    std::string damaged = packet.bytes.substr(0, 64);
    for (char& byte : damaged) {
      const char was = std::exchange(byte, static_cast<char>(byte ^ (1 << dice.Below(8))));
      CheckOneLook(subject, damaged, violations);
      byte = was;
    }
  });
  return violations;
}

Violations RefusesCorruptInput(const PacketCodecSubject& subject) {
  Violations violations;
  for (const std::string& bytes : subject.corrupt) {
    const auto shape = DecodeAfresh(*subject.codec, bytes);
    if (shape.ok()) Report(violations, "corrupt input of ", bytes.size(), " bytes is decoded as ", Describe(shape));
  }
  return violations;
}

// Once seen, a packet's middle is changed in every way: who looks again (and so takes quadratic time) is misled.
Violations LooksAtNoByteTwice(const PacketCodecSubject& subject) {
  Violations violations;
  ForEachPacket(subject, violations, [&](const std::string&, const Packet& packet) {
    const size_t size = packet.bytes.size();
    if (size < 256 || size > 4096) return;
    for (int value = 0; value < 256; ++value) {
      ScanState scan;
      (void)Decode(*subject.codec, absl::string_view(packet.bytes).substr(0, size / 2), scan);
      std::string changed = packet.bytes;
      std::fill(changed.begin() + static_cast<ptrdiff_t>(size / 4), changed.begin() + static_cast<ptrdiff_t>(size / 2 - 16),
                static_cast<char>(value));
      const auto shape = Decode(*subject.codec, changed, scan);
      if (!IsWhole(shape, packet)) {
        return Report(violations, "of a packet of ", size, " bytes, bytes seen before were read again: ", Describe(shape));
      }
    }
  });
  return violations;
}

}  // namespace

const std::vector<PacketCodecCheck>& PacketCodecChecks() {
  static const auto& checks = *new std::vector<PacketCodecCheck>{
      {"TraitsAreConstantAndSmall", TraitsAreConstantAndSmall},
      {"EncodesIntoItsSpansAlone", EncodesIntoItsSpansAlone},
      {"DecodesWholePackets", DecodesWholePackets},
      {"DecodesByteByByte", DecodesByteByByte},
      {"DecodesAtEverySplit", DecodesAtEverySplit},
      {"DecodesPacketsInARow", DecodesPacketsInARow},
      {"PayloadPiecesMakeNoDifference", PayloadPiecesMakeNoDifference},
      {"RefusesWhatItCannotCarry", RefusesWhatItCannotCarry},
      {"LooksAtGivenBytesAlone", LooksAtGivenBytesAlone},
      {"RefusesCorruptInput", RefusesCorruptInput},
      {"LooksAtNoByteTwice", LooksAtNoByteTwice},
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
