#include "listenrain/codecs/zigzag_prefix.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& codec = *new auto(rain::NewZigzagPrefixCodec().value());
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  rain::FuzzPacketCodec(*codec, bytes);
  return 0;
}
