#include "absl/strings/str_cat.h"
#include "listenrain/codecs/json_rpc.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& codec = *new auto(rain::NewJsonRpcCodec());
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  rain::FuzzMessageCodec<rain::JsonRpcMessage>(*codec, bytes, [](const rain::JsonRpcMessage& message) {
    return absl::StrCat(message.method.size(), " ", message.method, " ", message.params.size(), " ", message.params, " ",
                        message.result);
  });
  return 0;
}
