#include <string>

#include "listenrain/codecs/delimiter.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& lines = *new auto(rain::NewDelimiterCodec());
  static const auto& zeros = *new auto(rain::NewDelimiterCodec({.delimiter = std::string(2, '\0')}).value());
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  rain::FuzzPacketCodec(*lines, bytes);
  rain::FuzzPacketCodec(*zeros, bytes);
  return 0;
}
