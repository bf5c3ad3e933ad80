// The engine, where replies come in order, on a wire without ids and kinds.
#include "listenrain/testing/fuzz/fuzzed_engine_test.h"
#include "listenrain/testing/fuzz/fuzzed_messages_test.h"
#include "listenrain/testing/line_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& wire = *new rain::FuzzedWire<std::string>{rain::NewLineCodec(), rain::NewLinePacketCodec(), rain::TextOf};
  rain::FuzzedEngine<std::string>(wire, {reinterpret_cast<const char*>(data), size}).Run();
  return 0;
}
