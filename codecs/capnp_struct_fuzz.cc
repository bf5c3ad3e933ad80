#include "listenrain/codecs/capnp_struct.h"
#include "listenrain/codecs/capnp_struct_fixture_test.h"
#include "listenrain/testing/fuzz_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& jobs = *new auto(rain::NewJobCodec());
  static const auto& orders = *new auto(rain::NewOrderCodec());
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  rain::FuzzMessageCodec<rain::Job>(*jobs, bytes, rain::DescribeJob);
  rain::FuzzMessageCodec<rain::Order>(*orders, bytes, rain::DescribeOrder);
  return 0;
}
