// Messages made of what a fuzzer says: short ones as a rule, for each protocol.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "listenrain/codecs/message.h"
#include "listenrain/testing/fuzzed_bytes.h"
#include "listenrain/testing/uuid_codec.h"

namespace rain {

// Any length, rarely much; the contents do not matter.
inline std::string TextOf(FuzzedBytes& bytes) {
  const size_t size = bytes.Byte();
  return std::string(size < 250 ? size / 4 : (size - 249) * 7000, static_cast<char>('a' + size % 26));
}

inline Message NativeMessageOf(FuzzedBytes& bytes) {
  const int64_t method = bytes.Byte();
  return Message::Text(method, TextOf(bytes));
}

// Of few ids, so that some are in flight already.
inline UuidMessage UuidMessageOf(FuzzedBytes& bytes) {
  const char id = static_cast<char>('0' + bytes.Below(8));
  return {std::string(16, id), TextOf(bytes)};
}

}  // namespace rain
