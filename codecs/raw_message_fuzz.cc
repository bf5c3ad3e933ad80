#include <memory>
#include <vector>

#include "listenrain/codecs/raw_message.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& codecs = *new auto([] {
    std::vector<std::shared_ptr<const rain::MessageCodec<rain::RawMessage>>> made;
    for (const size_t id_bytes : {size_t{1}, size_t{8}, size_t{36}, size_t{256}})
      made.push_back(rain::NewRawMessageCodec({.id_bytes = id_bytes}).value());
    return made;
  }());
  for (const auto& codec : codecs) {
    rain::FuzzMessageCodec<rain::RawMessage>(*codec, {reinterpret_cast<const char*>(data), size},
                                             [](const rain::RawMessage& message) { return message.id + message.text(); });
  }
  return 0;
}
