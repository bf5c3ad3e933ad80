#include "listenrain/testing/fuzz_codecs.h"
#include "listenrain/testing/uuid_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& binary = *new auto(rain::NewUuidCodec(rain::UuidForm::binary));
  static const auto& text = *new auto(rain::NewUuidCodec(rain::UuidForm::text));
  for (const auto* codec : {binary.get(), text.get()}) {
    rain::FuzzMessageCodec<rain::UuidMessage>(*codec, {reinterpret_cast<const char*>(data), size},
                                              [](const rain::UuidMessage& message) { return message.id + message.text; });
  }
  return 0;
}
