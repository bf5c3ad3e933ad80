#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "listenrain/codecs/json_text.h"
#include "listenrain/testing/fuzz_codecs.h"

namespace {

// Takes everything, and sees why another reader does not.
struct Sax final : nlohmann::json_sax<nlohmann::json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(int64_t) override { return true; }
  bool number_unsigned(uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(nlohmann::json::binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(std::string&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    out_of_range = error.id / 100 == 4;
    return false;
  }
  bool out_of_range = false;
};

// What another reader says; nothing where it reads differently on purpose (zero bytes, a byte order mark, large numbers, depth).
std::optional<bool> NlohmannTakes(const std::string& text) {
  size_t depth = 0;
  for (const char c : text) depth += c == '[' || c == '{' ? 1 : 0;
  if (depth > rain::kMaxJsonDepth || text.find('\0') != std::string::npos || text.rfind('\xef', 0) == 0) return std::nullopt;
  Sax sax;
  const bool takes = nlohmann::json::sax_parse(text, &sax);
  return sax.out_of_range ? std::nullopt : std::optional<bool>(takes);
}

// Its members' values are JSON themselves, and it is read to its end if and only if it is an object.
void ReadMembers(absl::string_view text, bool is_object) {
  rain::JsonMembers members(text);
  bool values = true;
  while (members.Next()) {
    const std::string key(members.key());
    rain::MustHold(rain::FromJsonString(rain::JsonString(key, false)) == key, "a key that is another when written");
    const absl::string_view value = members.Value();
    if (value.empty()) {
      values = false;
    } else {
      rain::MustHold(rain::IsJson(value), "a member's value that is no JSON");
    }
  }
  rain::MustHold(members.complete() == is_object, "an object is read to its end, nothing else is");
  rain::MustHold(values || !is_object, "an object with a member without a value");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const bool is_json = rain::IsJson(text);
  const std::optional<bool> other = NlohmannTakes(text);
  rain::MustHold(!other.has_value() || *other == is_json, "another reader disagrees on what is JSON");
  const size_t first = text.find_first_not_of(" \t\r\n");
  ReadMembers(text, is_json && text[first] == '{');

  const std::string written = rain::JsonString(text, false);
  const std::string repaired = rain::JsonString(text, true);
  rain::MustHold(rain::IsJson(repaired), "a text repaired is no JSON string");
  if (written.empty()) return 0;  // not UTF-8
  rain::MustHold(repaired == written && rain::FromJsonString(written) == text, "a text that is another when written");
  return 0;
}
