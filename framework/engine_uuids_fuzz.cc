// The engine, where messages carry their ids.
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/testing/fuzz/fuzzed_engine_test.h"
#include "listenrain/testing/fuzz/fuzzed_messages_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& wire = *new rain::FuzzedWire<rain::UuidMessage>{rain::NewUuidCodec(rain::UuidForm::binary),
                                                                     rain::NewLengthPrefixCodec(), rain::UuidMessageOf};
  rain::FuzzedEngine<rain::UuidMessage>(wire, {reinterpret_cast<const char*>(data), size}).Run();
  return 0;
}
