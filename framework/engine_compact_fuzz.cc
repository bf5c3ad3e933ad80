// The engine, where ids are assigned, on the compact codec's wire.
#include "listenrain/codecs/compact.h"
#include "listenrain/codecs/length_prefix.h"
#include "listenrain/testing/fuzz/fuzzed_engine_test.h"
#include "listenrain/testing/fuzz/fuzzed_messages_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& wire =
      *new rain::FuzzedWire<rain::Message>{rain::NewCompactCodec(), rain::NewLengthPrefixCodec(), rain::NativeMessageOf};
  rain::FuzzedEngine<rain::Message>(wire, {reinterpret_cast<const char*>(data), size}).Run();
  return 0;
}
