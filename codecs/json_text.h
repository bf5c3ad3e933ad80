// JSON texts (RFC 8259) as they are: checked, and an object's members found, without building a tree of them.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace rain {

// Arrays and objects within one another, at most: more is no JSON here. No reading here is recursive.
inline constexpr size_t kMaxJsonDepth = 128;

// True if `text` is one JSON value, with nothing but white space around it. Strict: UTF-8 must be valid, escaped surrogates come
// in pairs. Numbers may have any size: they are not converted.
bool IsJson(absl::string_view text);

// The text of a JSON string, quotes and all. Of invalid UTF-8 each byte becomes U+FFFD if `repair` is set; else nothing comes
// back.
std::string JsonString(absl::string_view utf8, bool repair);
// What a valid JSON string, quotes and all, says.
std::string FromJsonString(absl::string_view token);

// Reads one object's members in their order. Borrows the text. Thread: one at a time.
//   JsonMembers members(text);
//   while (members.Next()) { if (members.key() == "id") id = members.Value(); }
//   if (!members.complete()) the text is no JSON object, or something follows it
class JsonMembers {
 public:
  explicit JsonMembers(absl::string_view text);

  // Goes on to the next member's key, past this one's value. False at the object's end, and where the text is no JSON.
  bool Next();
  // With its escapes undone. Borrowed until the next call.
  absl::string_view key() const { return key_; }
  // This member's value as it is written; once for each. Empty if it is no JSON or cut short: then Next() is false.
  absl::string_view Value();
  // The text was read to its end, and is one object.
  bool complete() const { return state_ == State::complete; }

 private:
  enum class State { before, at_value, behind_value, complete, broken };
  bool Break();
  bool Close();
  bool ReadKey();

  const char* at_;
  const char* const end_;
  State state_ = State::before;
  absl::string_view key_;
  std::string unescaped_;
};

}  // namespace rain
