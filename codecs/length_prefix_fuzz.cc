#include <memory>
#include <vector>

#include "listenrain/codecs/length_prefix.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rain::ByteOrder;
  static const auto& codecs = *new std::vector<std::shared_ptr<const rain::PacketCodec>>{
      rain::NewLengthPrefixCodec(),
      rain::NewLengthPrefixCodec({.width = 1, .counts_itself = true}).value(),
      rain::NewLengthPrefixCodec({.width = 2, .order = ByteOrder::little}).value(),
      rain::NewLengthPrefixCodec({.width = 4, .order = ByteOrder::little, .counts_itself = true}).value(),
      rain::NewLengthPrefixCodec({.width = 8}).value(),
      rain::NewLengthPrefixCodec({.width = 8, .counts_itself = true}).value(),
  };
  for (const auto& codec : codecs) rain::FuzzPacketCodec(*codec, {reinterpret_cast<const char*>(data), size});
  return 0;
}
