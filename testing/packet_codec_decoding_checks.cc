#include <algorithm>
#include <optional>
#include <utility>

#include "listenrain/testing/packet_codec_checks.h"
#include "listenrain/testing/several_threads.h"

namespace rain::packet_checks {
namespace {

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

// Decodes with one and with another value in the memory around the bytes: a difference shows a look outside.
void CheckOneLook(const Subject& subject, absl::string_view bytes, Violations& violations) {
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

}  // namespace

Violations DecodesWholePackets(const Subject& subject) {
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

Violations DecodesByteByByte(const Subject& subject) {
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

Violations DecodesAtEverySplit(const Subject& subject) {
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

Violations DecodesPacketsInARow(const Subject& subject) {
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

// Two channels share the codec, each with a packet that is there in part: what the codec keeps between two looks is in `scan`.
Violations ChannelsDoNotMix(const Subject& subject) {
  Violations violations;
  std::vector<Packet> packets;
  ForEachPacket(subject, violations, [&](const std::string&, const Packet& packet) {
    if (packet.bytes.size() <= 4096) packets.push_back(packet);
  });
  for (size_t i = 1; i < packets.size(); ++i) {
    const Packet& one = packets[i];
    const Packet& other = packets[i - 1];
    for (const size_t cut : Cuts(one.bytes.size())) {
      ScanState scan;
      (void)Decode(*subject.codec, absl::string_view(one.bytes).substr(0, cut), scan);
      const auto wrong = [&](const Packet& packet, const absl::StatusOr<PacketShape>& shape) {
        Report(violations, "after ", cut, " bytes of a packet of ", one.bytes.size(), " on one channel, and one of ",
               other.bytes.size(), " on another, the packet of ", packet.bytes.size(), " is decoded as ", Describe(shape));
      };
      if (const auto shape = DecodeAfresh(*subject.codec, other.bytes); !IsWhole(shape, other)) wrong(other, shape);
      if (const auto shape = Decode(*subject.codec, one.bytes, scan); !IsWhole(shape, one)) wrong(one, shape);
    }
  }
  return violations;
}

Violations LooksAtGivenBytesAlone(const Subject& subject) {
  Violations violations;
  Dice dice(1);
  for (int round = 0; round < 2000; ++round) {
    std::string noise(1 + dice.Below(40), '\0');
    for (char& byte : noise) byte = dice.Byte();
    CheckOneLook(subject, noise, violations);
  }
  // Lengths of all ones, or nearly: header and length together may wrap around.
  for (const char byte : {'\x00', '\x7f', '\x80', '\xff'}) {
    for (size_t size = 1; size <= 40; ++size) CheckOneLook(subject, std::string(size, byte), violations);
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

Violations RefusesCorruptInput(const Subject& subject) {
  Violations violations;
  for (const std::string& bytes : subject.corrupt) {
    const auto shape = DecodeAfresh(*subject.codec, bytes);
    if (shape.ok()) Report(violations, "corrupt input of ", bytes.size(), " bytes is decoded as ", Describe(shape));
  }
  return violations;
}

// Once seen, a packet's middle is changed in every way: who looks again (and so takes quadratic time) is misled.
Violations LooksAtNoByteTwice(const Subject& subject) {
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

// One codec, on several threads at once, each of which begins with another packet.
Violations ServesSeveralThreads(const Subject& subject) {
  Violations violations;
  std::vector<std::pair<std::string, Packet>> packets;
  ForEachPacket(subject, violations, [&](const std::string& payload, const Packet& packet) {
    if (packet.bytes.size() <= 4096) packets.emplace_back(payload, packet);
  });
  if (packets.size() < 2 || !violations.empty()) return violations;
  OnSeveralThreads(4, violations, [&](size_t thread, Violations& found) {
    for (size_t step = 0; step < 100 * packets.size(); ++step) {
      const auto& [payload, packet] = packets[(thread + step) % packets.size()];
      const auto encoded = Encode(*subject.codec, {absl::MakeConstSpan(payload)});
      if (!encoded.ok() || encoded->bytes != packet.bytes) {
        Report(found, "a payload of ", payload.size(), " bytes, while other threads call the codec, makes another packet");
      }
      const auto check = [&, size = packet.bytes.size(), &whole = packet](const absl::StatusOr<PacketShape>& shape) {
        if (IsWhole(shape, whole)) return;
        Report(found, "a packet of ", size, " bytes, while other threads call the codec, is decoded as ", Describe(shape));
      };
      check(DecodeAfresh(*subject.codec, packet.bytes));
      ScanState scan;
      (void)Decode(*subject.codec, absl::string_view(packet.bytes).substr(0, packet.bytes.size() / 2 + 1), scan);
      check(Decode(*subject.codec, packet.bytes, scan));
    }
  });
  return violations;
}

}  // namespace rain::packet_checks
