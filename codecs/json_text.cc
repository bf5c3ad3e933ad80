#include "listenrain/codecs/json_text.h"

#include <bitset>
#include <cstdint>
#include <cstring>

namespace rain {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The bytes of the UTF-8 sequence at `at`; 0 if there is none. Overlong forms, surrogates and what is beyond U+10FFFF are none.
size_t Utf8Bytes(const char* at, const char* end) {
  const auto byte = [at](size_t i) { return static_cast<uint8_t>(at[i]); };
  const auto left = static_cast<size_t>(end - at);
  const auto continued = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return left >= 2 && continued(1) ? 2 : 0;
  const uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (left < 2 || byte(1) < least || byte(1) > most) return 0;
  if (first < 0xf0) return left >= 3 && continued(2) ? 3 : 0;
  return left >= 4 && continued(2) && continued(3) ? 4 : 0;
}

// Four hexadecimal digits; -1 if they are not there.
int HexDigits(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const int digit = IsDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool IsHighSurrogate(int unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(int unit) { return unit >= 0xdc00 && unit < 0xe000; }

void AppendUtf8(uint32_t point, std::string& to) {
  const auto put = [&to](uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xe0 | point >> 12);
    } else {
      put(0xf0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3f));
    }
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

// Goes over JSON, byte by byte; each function is false where that ends.
class Scanner {
 public:
  Scanner(const char* at, const char* end) : at_(at), end_(end) {}
  const char* at() const { return at_; }
  bool AtEnd() const { return at_ == end_; }

  void Space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool String() {
    if (!Take('"')) return false;
    while (at_ != end_) {
      const auto c = static_cast<uint8_t>(*at_);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20) return false;
      if (c == '\\') {
        if (!Escape()) return false;
      } else if (const size_t bytes = Utf8Bytes(at_, end_); bytes > 0) {
        at_ += bytes;
      } else {
        return false;
      }
    }
    return false;
  }

  // A key and its colon.
  bool Key() {
    if (!String()) return false;
    Space();
    return Take(':');
  }

  bool Value() {
    std::bitset<kMaxJsonDepth> objects;
    size_t depth = 0;
    for (;;) {  // before a value
      Space();
      if (at_ == end_) return false;
      bool opened = false;
      if (*at_ == '{' || *at_ == '[') {
        if (depth == kMaxJsonDepth) return false;
        objects[depth++] = *at_++ == '{';
        Space();
        opened = at_ != end_ && *at_ != (objects[depth - 1] ? '}' : ']');
      } else if (!Scalar()) {
        return false;
      }
      while (!opened && depth > 0) {  // behind one, or in an empty array or object
        Space();
        if (Take(',')) {
          opened = true;
          Space();
        } else if (Take(objects[depth - 1] ? '}' : ']')) {
          --depth;
        } else {
          return false;
        }
      }
      if (!opened) return true;
      if (objects[depth - 1] && !Key()) return false;
    }
  }

 private:
  bool Escape() {
    ++at_;
    if (at_ == end_) return false;
    const char c = *at_++;
    if (c != 'u') return c != '\0' && std::strchr("\"\\/bfnrt", c) != nullptr;
    const int unit = HexDigits(at_, end_);
    if (unit < 0 || IsLowSurrogate(unit)) return false;
    at_ += 4;
    if (!IsHighSurrogate(unit)) return true;
    if (!Take('\\') || !Take('u') || !IsLowSurrogate(HexDigits(at_, end_))) return false;
    at_ += 4;
    return true;
  }

  bool Scalar() {
    switch (*at_) {
      case '"':
        return String();
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        return Number();
    }
  }

  bool Word(absl::string_view word) {
    if (absl::string_view(at_, static_cast<size_t>(end_ - at_)).substr(0, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool Digits() {
    const char* const first = at_;
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return at_ != first;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      return Digits();
    }
    return true;
  }

  const char* at_;
  const char* const end_;
};

}  // namespace

bool IsJson(absl::string_view text) {
  Scanner scanner(text.data(), text.data() + text.size());
  if (!scanner.Value()) return false;
  scanner.Space();
  return scanner.AtEnd();
}

std::string JsonString(absl::string_view utf8, bool repair) {
  std::string token(1, '"');
  token.reserve(utf8.size() + 2);
  const char* const end = utf8.data() + utf8.size();
  for (const char* at = utf8.data(); at != end;) {
    const auto c = static_cast<uint8_t>(*at);
    const size_t bytes = Utf8Bytes(at, end);
    if (bytes == 0) {
      if (!repair) return {};
      token += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      token += '\\';
      token += *at;
    } else if (c < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      token += "\\u00";
      token += kHex[c >> 4];
      token += kHex[c & 15];
    } else {
      token.append(at, bytes);
    }
    at += bytes == 0 ? 1 : bytes;
  }
  token += '"';
  return token;
}

std::string FromJsonString(absl::string_view token) {
  token = token.substr(1, token.size() - 2);
  std::string text;
  text.reserve(token.size());
  const char* const end = token.data() + token.size();
  for (const char* at = token.data(); at != end;) {
    if (*at != '\\') {
      text += *at++;
      continue;
    }
    const char c = at[1];
    at += 2;
    if (c != 'u') {
      constexpr absl::string_view kLetters = "bfnrt";
      const size_t letter = kLetters.find(c);
      text += letter == absl::string_view::npos ? c : "\b\f\n\r\t"[letter];
      continue;
    }
    auto point = static_cast<uint32_t>(HexDigits(at, end));
    at += 4;
    if (IsHighSurrogate(static_cast<int>(point))) {
      point = 0x10000 + ((point - 0xd800) << 10) + (static_cast<uint32_t>(HexDigits(at + 2, end)) - 0xdc00);
      at += 6;
    }
    AppendUtf8(point, text);
  }
  return text;
}

JsonMembers::JsonMembers(absl::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

bool JsonMembers::Break() {
  state_ = State::broken;
  return false;
}

// Behind the closing brace.
bool JsonMembers::Close() {
  Scanner scanner(at_, end_);
  scanner.Space();
  if (!scanner.AtEnd()) return Break();
  state_ = State::complete;
  return false;
}

bool JsonMembers::ReadKey() {
  Scanner scanner(at_, end_);
  scanner.Space();
  at_ = scanner.at();
  if (!scanner.String()) return Break();
  const absl::string_view token(at_, static_cast<size_t>(scanner.at() - at_));
  scanner.Space();
  if (!scanner.Take(':')) return Break();
  at_ = scanner.at();
  if (token.find('\\') == absl::string_view::npos) {
    key_ = token.substr(1, token.size() - 2);
  } else {
    unescaped_ = FromJsonString(token);
    key_ = unescaped_;
  }
  state_ = State::at_value;
  return true;
}

bool JsonMembers::Next() {
  if (state_ == State::at_value) (void)Value();
  if (state_ != State::before && state_ != State::behind_value) return false;
  const bool first = state_ == State::before;
  Scanner scanner(at_, end_);
  scanner.Space();
  if (first && !scanner.Take('{')) return Break();
  scanner.Space();
  const bool closed = scanner.Take('}');
  const bool goes_on = !closed && (first || scanner.Take(','));
  at_ = scanner.at();
  if (closed) return Close();
  return goes_on ? ReadKey() : Break();
}

absl::string_view JsonMembers::Value() {
  if (state_ != State::at_value) return {};
  Scanner scanner(at_, end_);
  scanner.Space();
  at_ = scanner.at();
  // What follows shows that a number is whole.
  if (!scanner.Value()) {
    Break();
    return {};
  }
  const absl::string_view value(at_, static_cast<size_t>(scanner.at() - at_));
  scanner.Space();
  at_ = scanner.at();
  if (scanner.AtEnd() || (*at_ != ',' && *at_ != '}')) {
    Break();
    return {};
  }
  state_ = State::behind_value;
  return value;
}

}  // namespace rain
