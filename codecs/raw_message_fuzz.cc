#include "listenrain/codecs/raw_message.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& codec = *new auto(rain::NewRawMessageCodec({.id_bytes = 8}).value());
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  rain::FuzzMessageCodec<rain::RawMessage>(*codec, bytes,
                                           [](const rain::RawMessage& message) { return message.id + message.text(); });
  return 0;
}
