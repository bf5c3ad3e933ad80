// The packet codec suite: what every PacketCodec must do, as checks that tell what is wrong. For users' codecs as for ours.
//
//   class MyCodec : public testing::TestWithParam<rain::PacketCodecCheck> {};
//   TEST_P(MyCodec, Conforms) { EXPECT_THAT(GetParam().run({.codec = NewMyCodec()}), testing::IsEmpty()); }
//   INSTANTIATE_TEST_SUITE_P(Suite, MyCodec, testing::ValuesIn(rain::PacketCodecChecks()), rain::PacketCodecCheckName());
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "listenrain/framework/packet_codec.h"
#include "listenrain/testing/violations.h"

namespace rain {

// The codec under test, and what its format can carry.
struct PacketCodecSubject {
  std::shared_ptr<const PacketCodec> codec;
  // A payload of so many bytes that the format can carry. Null: bytes of every value.
  std::function<std::string(size_t size)> payload;
  size_t min_payload = 0;
  // The longest payload that the format can say; one more must be refused. SIZE_MAX: not tried.
  size_t max_payload = SIZE_MAX;
  // Payloads that the format cannot carry whatever their length: refused as INVALID_ARGUMENT.
  std::vector<std::string> refused;
  // Beginnings of a stream that are no packet: DecodePacket must say so.
  std::vector<std::string> corrupt;
};

struct PacketCodecCheck {
  const char* name;
  Violations (*run)(const PacketCodecSubject&);
};

const std::vector<PacketCodecCheck>& PacketCodecChecks();

// For INSTANTIATE_TEST_SUITE_P.
struct PacketCodecCheckName {
  template <class ParamInfo>
  std::string operator()(const ParamInfo& info) const {
    return info.param.name;
  }
};

// All of them; each violation begins with its check's name.
Violations CheckPacketCodec(const PacketCodecSubject& subject);

}  // namespace rain
