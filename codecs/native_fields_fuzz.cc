#include "listenrain/codecs/json_text.h"
#include "listenrain/codecs/native_fields.h"
#include "listenrain/framework/status.h"
#include "listenrain/testing/fuzz_codecs.h"
#include "listenrain/testing/fuzzed_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  rain::FuzzedBytes bytes(input);
  const uint8_t code = bytes.Byte();
  const absl::string_view text = bytes.Take(bytes.Below(2000));
  const absl::string_view detail = bytes.Take(bytes.Below(20'000));

  const absl::Status status = rain::StatusOf(code, text, detail);
  rain::MustHold(!status.ok(), "an error that is OK");
  const rain::ErrorFields fields = rain::FieldsOf(status);
  rain::MustHold(fields.text.size() <= rain::kMaxErrorTextBytes, "an error's text is too long");
  rain::MustHold(fields.detail.size() <= rain::kMaxErrorDetailBytes, "an error's detail is too long");
  rain::MustHold(status.message().substr(0, fields.text.size()) == fields.text, "an error's text is no beginning of it");
  const absl::Status again = rain::StatusOf(fields.code, fields.text, fields.detail);
  const rain::ErrorFields fields_again = rain::FieldsOf(again);
  rain::MustHold(again.code() == status.code() && fields_again.text == fields.text && fields_again.detail == fields.detail,
                 "an error that came is another when sent");

  const size_t most = bytes.Below(64);
  const absl::string_view prefix = rain::Utf8Prefix(input, most);
  rain::MustHold(prefix.size() <= most && input.substr(0, prefix.size()) == prefix, "a prefix that is none");
  const bool is_utf8 = !rain::JsonString(input, false).empty();
  rain::MustHold(!is_utf8 || !rain::JsonString(prefix, false).empty(), "a prefix of UTF-8 that is none");
  rain::MustHold(!is_utf8 || prefix.size() + 4 > std::min(most, input.size()), "a prefix that could be longer");

  uint32_t micros = 0;
  for (int i = 0; i < 4; ++i) micros = micros << 8 | bytes.Byte();
  rain::MustHold(rain::RemainingToWire(rain::RemainingFromWire(micros)) == micros, "a remaining time is another when sent");
  return 0;
}
