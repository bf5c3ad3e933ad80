#include <memory>
#include <vector>

#include "listenrain/codecs/zigzag_prefix.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& codecs = *new auto([] {
    std::vector<std::shared_ptr<const rain::PacketCodec>> made;
    for (const uint64_t most : {uint64_t{4096}, uint64_t{1}, uint64_t{255}, uint64_t{65'536}, (uint64_t{1} << 62) - 1}) {
      made.push_back(rain::NewZigzagPrefixCodec({.max_payload_bytes = most}).value());
    }
    return made;
  }());
  for (const auto& codec : codecs) rain::FuzzPacketCodec(*codec, {reinterpret_cast<const char*>(data), size});
  return 0;
}
