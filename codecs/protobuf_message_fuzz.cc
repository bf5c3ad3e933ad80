#include <codecs/protobuf_message_test.pb.h>

#include "listenrain/codecs/protobuf_message.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Search = rain::ProtobufMessage<rain::schema::Search>;
  static const auto& codec = *new auto(rain::NewProtobufCodec<rain::schema::Search>());
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  rain::FuzzMessageCodec<Search>(*codec, bytes, [](const Search& search) {
    return absl::StrCat(search.method, " ", search.command, " ", search.body.SerializeAsString());
  });
  return 0;
}
