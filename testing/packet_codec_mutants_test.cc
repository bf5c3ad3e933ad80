// Packet codecs that are wrong in one way each: the suite must tell, by the check that is there for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/testing/line_codec.h"
#include "listenrain/testing/packet_codec_suite.h"
#include "listenrain/testing/shared_scratch_test.h"

namespace rain {
namespace {

using Shape = absl::StatusOr<PacketShape>;
using Prefix = absl::Span<const char>;
using Header = absl::Span<char>;
using Pieces = absl::Span<const absl::Span<const char>>;

// A good codec, wrong where a function is given.
struct Wrong {
  std::function<PacketTraits(PacketTraits)> traits;
  std::function<absl::StatusOr<PacketCodec::Frame>(const PacketCodec& good, Pieces, Header header, Header trailer)> encode;
  std::function<Shape(const PacketCodec& good, Prefix, ScanState&)> decode;
};

class Mutant final : public PacketCodec {
 public:
  Mutant(std::shared_ptr<const PacketCodec> good, Wrong wrong) : good_(std::move(good)), wrong_(std::move(wrong)) {}
  PacketTraits traits() const override { return wrong_.traits ? wrong_.traits(good_->traits()) : good_->traits(); }
  absl::StatusOr<Frame> EncodePacket(Pieces payload, Header header, Header trailer) const override {
    return wrong_.encode ? wrong_.encode(*good_, payload, header, trailer) : good_->EncodePacket(payload, header, trailer);
  }
  Shape DecodePacket(Prefix prefix, ScanState& scan) const override {
    return wrong_.decode ? wrong_.decode(*good_, prefix, scan) : good_->DecodePacket(prefix, scan);
  }

 private:
  const std::shared_ptr<const PacketCodec> good_;
  const Wrong wrong_;
};

PacketCodecSubject Lengths(Wrong wrong, const LengthPrefixOptions& options = {}) {
  PacketCodecSubject subject{.codec = std::make_shared<Mutant>(NewLengthPrefixCodec(options).value(), std::move(wrong))};
  if (options.width <= 2) subject.max_payload = (size_t{1} << (8 * options.width)) - 1 - (options.counts_itself ? 2 : 0);
  if (options.counts_itself) subject.corrupt = {std::string(size_t(options.width), '\0')};
  return subject;
}

PacketCodecSubject Lines(Wrong wrong) {
  return {.codec = std::make_shared<Mutant>(NewLinePacketCodec(), std::move(wrong)),
          .payload = [](size_t size) { return std::string(size, 'x'); },
          .refused = {"a\nb"}};
}

struct PacketMutant {
  const char* name;
  const char* caught_by;
  std::function<PacketCodecSubject()> make;
};

// A shape of the good codec, changed.
Wrong Reshaped(std::function<void(PacketShape&, Prefix)> change) {
  return {.decode = [change = std::move(change)](const PacketCodec& good, Prefix prefix, ScanState& scan) {
    Shape shape = good.DecodePacket(prefix, scan);
    if (shape.ok()) change(*shape, prefix);
    return shape;
  }};
}

ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS ABSL_ATTRIBUTE_NO_SANITIZE_THREAD char Beyond(Prefix bytes) {
  return *(bytes.data() + bytes.size());
}

// Into what malloc leaves free behind four bytes.
ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS ABSL_ATTRIBUTE_NO_SANITIZE_THREAD void WriteBeyond(Header bytes) {
  *(bytes.data() + bytes.size()) = 'w';
}

std::vector<PacketMutant> EncodingMutants() {
  return {
      {"LengthOffByOne", "DecodesWholePackets",
       [] {
         return Lengths({.encode = [](const PacketCodec& good, Pieces payload, Header header, Header trailer) {
           auto frame = good.EncodePacket(payload, header, trailer);
           ++header.back();
           return frame;
         }});
       }},
      {"CountsTheFirstPieceOnly", "PayloadPiecesMakeNoDifference",
       [] {
         return Lengths({.encode = [](const PacketCodec& good, Pieces payload, Header header, Header trailer) {
           return good.EncodePacket(payload.first(std::min<size_t>(payload.size(), 1)), header, trailer);
         }});
       }},
      {"HeaderFilledFromItsStart", "EncodesIntoItsSpansAlone",
       [] {
         return Lengths({.traits = [](PacketTraits traits) { return PacketTraits{.max_header = traits.max_header + 4}; },
                         .encode = [](const PacketCodec& good, Pieces payload, Header header,
                                      Header trailer) { return good.EncodePacket(payload, header.first(4), trailer); }});
       }},
      {"ClaimsAByteThatItDidNotWrite", "EncodesIntoItsSpansAlone",
       [] {
         return Lengths({.traits = [](PacketTraits traits) { return PacketTraits{.max_header = traits.max_header + 4}; },
                         .encode =
                             [](const PacketCodec& good, Pieces payload, Header header, Header trailer) {
                               auto frame = good.EncodePacket(payload, header, trailer);
                               if (frame.ok()) ++frame->header;
                               return frame;
                             }});
       }},
      {"WritesBehindItsHeader", "EncodesIntoItsSpansAlone",
       [] {
         return Lengths({.encode = [](const PacketCodec& good, Pieces payload, Header header, Header trailer) {
           WriteBeyond(header);
           return good.EncodePacket(payload, header, trailer);
         }});
       }},
      {"HeaderOfAnotherSizeThanFixed", "TraitsAreConstantAndSmall",
       [] {
         return Lengths({.traits = [](PacketTraits traits) {
           traits.max_header = 6;
           return traits;
         }});
       }},
      {"LengthWrapsAround", "RefusesWhatItCannotCarry",
       [] {
         return Lengths({.encode =
                             [](const PacketCodec&, Pieces payload, Header header, Header) {
                               size_t size = 0;
                               for (const Prefix piece : payload) size += piece.size();
                               header.back() = static_cast<char>(size);
                               return PacketCodec::Frame{.header = 1};
                             }},
                        {.width = 1});
       }},
      {"LetsLineFeedsThrough", "RefusesWhatItCannotCarry",
       [] {
         return Lines({.encode = [](const PacketCodec&, Pieces, Header, Header trailer) {
           trailer[0] = '\n';
           return PacketCodec::Frame{.trailer = 1};
         }});
       }},
      {"ForgetsTheTrailer", "DecodesByteByByte",
       [] {
         return Lines({.encode = [](const PacketCodec&, Pieces, Header, Header) {
           return PacketCodec::Frame{.header = 0, .trailer = 0};
         }});
       }},
  };
}

std::vector<PacketMutant> DecodingMutants() {
  return {
      {"ByteOrderSwappedOnOneSide", "DecodesWholePackets",
       [] {
         return Lengths({.decode = [](const PacketCodec&, Prefix prefix, ScanState& scan) {
           return NewLengthPrefixCodec({.order = ByteOrder::little}).value()->DecodePacket(prefix, scan);
         }});
       }},
      {"TrailerIgnored", "DecodesWholePackets",
       [] { return Lines(Reshaped([](PacketShape& shape, Prefix) { shape.trailer = 0; })); }},
      {"ForgetsWhatItScanned", "LooksAtNoByteTwice",
       [] {
         return Lines({.decode = [](const PacketCodec& good, Prefix prefix, ScanState&) {
           ScanState fresh;
           return good.DecodePacket(prefix, fresh);
         }});
       }},
      {"ScansFromTooFar", "DecodesAtEverySplit",
       [] {
         return Lines({.decode = [](const PacketCodec& good, Prefix prefix, ScanState& scan) {
           Shape shape = good.DecodePacket(prefix, scan);
           if (shape.ok() && !shape->exact) ++scan.scanned;
           return shape;
         }});
       }},
      {"ExactBeforeItKnows", "DecodesByteByByte",
       [] { return Lengths(Reshaped([](PacketShape& shape, Prefix) { shape.exact = true; })); }},
      {"NeverExact", "DecodesWholePackets",
       [] { return Lengths(Reshaped([](PacketShape& shape, Prefix) { shape.exact = false; })); }},
      {"CompleteTooEarly", "DecodesByteByByte",
       [] {
         return Lengths(Reshaped([](PacketShape& shape, Prefix prefix) {
           if (shape.total == prefix.size() + 1) --shape.total;
         }));
       }},
      {"AsksForMoreThanWillCome", "DecodesByteByByte",
       [] { return Lines(Reshaped([](PacketShape& shape, Prefix) { shape.total += shape.exact ? 0 : 7; })); }},
      {"TakesAllThatCame", "DecodesPacketsInARow",
       [] {
         return Lengths(Reshaped([](PacketShape& shape, Prefix prefix) { shape.total = std::max(shape.total, prefix.size()); }));
       }},
      {"KeepsALengthToItself", "ChannelsDoNotMix",
       [] {
         return Lengths({.decode = [kept = std::make_shared<PacketShape>()](const PacketCodec& good, Prefix prefix,
                                                                            ScanState& scan) -> Shape {
           if (kept->total == 0) {
             Shape shape = good.DecodePacket(prefix, scan);
             if (!shape.ok() || !shape->exact) return shape;
             *kept = *shape;
           }
           return prefix.size() < kept->total ? *kept : std::exchange(*kept, {});
         }});
       }},
      {"TotalThatShrinks", "DecodesByteByByte",
       [] {
         return Lengths(Reshaped([](PacketShape& shape, Prefix prefix) {
           if (!shape.exact && prefix.size() == 2) shape.total = 3;
         }));
       }},
      {"RefusesEmptyPayloads", "DecodesWholePackets",
       [] {
         return Lengths({.decode = [](const PacketCodec& good, Prefix prefix, ScanState& scan) -> Shape {
           Shape shape = good.DecodePacket(prefix, scan);
           if (shape.ok() && shape->exact && shape->total == 4) return absl::DataLossError("empty");
           return shape;
         }});
       }},
      {"AcceptsALengthShorterThanItself", "RefusesCorruptInput",
       [] {
         return Lengths({.decode = [](const PacketCodec& good, Prefix prefix, ScanState& scan) -> Shape {
                          Shape shape = good.DecodePacket(prefix, scan);
                          return shape.ok() ? shape : PacketShape{.total = 2, .header = 2, .exact = true};
                        }},
                        {.width = 2, .counts_itself = true});
       }},
      {"ReadsOneByteTooMany", "LooksAtGivenBytesAlone",
       [] {
         return Lengths({.decode = [](const PacketCodec& good, Prefix prefix, ScanState& scan) {
           if (prefix.size() != 3) return good.DecodePacket(prefix, scan);
           const char four[] = {prefix[0], prefix[1], prefix[2], Beyond(prefix)};
           return good.DecodePacket(four, scan);
         }});
       }},
      {"TotalWrapsAround", "LooksAtGivenBytesAlone",
       [] {
         return Lengths({.decode = [](const PacketCodec& good, Prefix prefix, ScanState& scan) -> Shape {
                          Shape shape = good.DecodePacket(prefix, scan);
                          return shape.ok() ? shape : PacketShape{.total = 7, .header = 8, .exact = true};
                        }},
                        {.width = 8});
       }},
      {"PacketOfNoBytes", "LooksAtGivenBytesAlone",
       [] { return Lengths(Reshaped([](PacketShape& shape, Prefix) { shape.total = shape.exact ? shape.total : 0; })); }},
  };
}

std::vector<PacketMutant> ThreadMutants() {
  return {
      {"EncodesFromAScratchOfItsOwn", "ServesSeveralThreads",
       [] {
         return Lengths({.encode = [kept = std::make_shared<SharedScratch<std::string>>()](
                                       const PacketCodec& good, Pieces payload, Header header, Header trailer) {
           std::string all;
           for (const Prefix piece : payload) all.append(piece.data(), piece.size());
           all = kept->PutAndTake(std::move(all));
           return good.EncodePacket({absl::MakeConstSpan(all)}, header, trailer);
         }});
       }},
      {"KeepsItsPlaceToItself", "ServesSeveralThreads",
       [] {
         return Lengths({.decode = [kept = std::make_shared<SharedScratch<std::string>>()](const PacketCodec& good, Prefix prefix,
                                                                                           ScanState& scan) {
           return good.DecodePacket(kept->PutAndTake(std::string(prefix.data(), prefix.size())), scan);
         }});
       }},
  };
}

std::vector<PacketMutant> Mutants() {
  std::vector<PacketMutant> mutants = EncodingMutants();
  for (PacketMutant& mutant : ThreadMutants()) mutants.push_back(std::move(mutant));
  for (PacketMutant& mutant : DecodingMutants()) mutants.push_back(std::move(mutant));
  return mutants;
}

class PacketCodecMutants : public testing::TestWithParam<PacketMutant> {};

TEST_P(PacketCodecMutants, AreCaught) {
  const PacketCodecSubject subject = GetParam().make();
  const auto& checks = PacketCodecChecks();
  const auto check =
      std::find_if(checks.begin(), checks.end(), [](const auto& c) { return GetParam().caught_by == std::string(c.name); });
  ASSERT_NE(check, checks.end()) << GetParam().caught_by;
  EXPECT_THAT(check->run(subject), testing::Not(testing::IsEmpty()));
}

INSTANTIATE_TEST_SUITE_P(Suite, PacketCodecMutants, testing::ValuesIn(Mutants()),
                         [](const auto& tested) { return tested.param.name; });

TEST(PacketCodecMutants, WithoutTheirMistakePass) {
  EXPECT_THAT(CheckPacketCodec(Lengths({})), testing::IsEmpty());
  EXPECT_THAT(CheckPacketCodec(Lengths({}, {.width = 1})), testing::IsEmpty());
  EXPECT_THAT(CheckPacketCodec(Lengths({}, {.width = 2, .counts_itself = true})), testing::IsEmpty());
  EXPECT_THAT(CheckPacketCodec(Lines({})), testing::IsEmpty());
}

TEST(PacketCodecMutants, EveryCheckCatchesOne) {
  for (const PacketCodecCheck& check : PacketCodecChecks()) {
    const auto mutants = Mutants();
    const auto catches = [&](const PacketMutant& mutant) { return mutant.caught_by == std::string(check.name); };
    EXPECT_TRUE(std::any_of(mutants.begin(), mutants.end(), catches)) << check.name;
  }
}

}  // namespace
}  // namespace rain
