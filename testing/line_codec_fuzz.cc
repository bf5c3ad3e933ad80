#include "listenrain/testing/fuzz_codecs.h"
#include "listenrain/testing/line_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& packets = *new auto(rain::NewLinePacketCodec());
  static const auto& lines = *new auto(rain::NewLineCodec());
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  rain::FuzzPacketCodec(*packets, bytes);
  rain::FuzzMessageCodec<std::string>(*lines, bytes, [](const std::string& line) { return line; });
  return 0;
}
