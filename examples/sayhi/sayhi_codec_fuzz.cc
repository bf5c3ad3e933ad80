#include "absl/strings/str_cat.h"
#include "listenrain/examples/sayhi/sayhi_codec.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& codec = *new auto(sayhi::NewSayHiCodec());
  rain::FuzzMessageCodec<sayhi::SayHi>(*codec, {reinterpret_cast<const char*>(data), size}, [](const sayhi::SayHi& hi) {
    return absl::StrCat(hi.id.size(), " ", hi.id, " ", hi.name);
  });
  return 0;
}
