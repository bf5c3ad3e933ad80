#include "listenrain/framework/transport_key.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "absl/hash/hash.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rain {
namespace {

std::string Digits(int64_t number, int base) {
  std::array<char, 64> digits;
  return {digits.data(), std::to_chars(digits.begin(), digits.end(), number, base).ptr};
}

}  // namespace

TransportKey::TransportKey(absl::string_view text)
    : text_(text.data(), text.size()), hash_(absl::Hash<absl::string_view>()(text)) {
  const std::string wrong = Parse();
  if (wrong.empty()) return;
  address_at_ = address_size_ = 0;
  options_.clear();
  endpoints_.clear();
  error_ = absl::StrCat("transport key \"", absl::CHexEscape(text_), "\": ", wrong,
                        " (a key reads scheme:address, such as tcp://127.0.0.1:8899)");
}

std::string TransportKey::Parse() {
  const absl::string_view text = text_;
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || !absl::ascii_isalpha(static_cast<unsigned char>(text.front()))) return "no scheme";
  for (const char c : text.substr(0, colon)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '-' && c != '.') {
      return "its scheme has a character that no scheme may have";
    }
  }
  if (text.find(',') != absl::string_view::npos) return ParseList();
  if (text.find('\0') != absl::string_view::npos) return "it has a zero byte";
  absl::string_view rest = text.substr(colon + 1);
  address_at_ = colon + 1;
  if (rest.substr(0, 2) == "//") {
    rest.remove_prefix(2);
    address_at_ += 2;
  }
  const size_t question = rest.find('?');
  address_size_ = std::min(question, rest.size());
  if (address_size_ == 0) return "no address";
  if (question != absl::string_view::npos) {
    for (absl::string_view option : absl::StrSplit(rest.substr(question + 1), '&')) {
      const size_t equals = option.find('=');
      if (equals == 0 || equals == absl::string_view::npos) return absl::StrCat("option \"", option, "\" is not name=value");
      const std::string name(option.substr(0, equals));
      if (!options_.emplace(name, std::string(option.substr(equals + 1))).second) {
        return absl::StrCat("option \"", name, "\" is given twice");
      }
    }
  }
  scheme_size_ = colon;
  return "";
}

std::string TransportKey::ParseList() {
  for (const absl::string_view endpoint : absl::StrSplit(absl::string_view(text_), ',')) {
    endpoints_.emplace_back(endpoint);
    if (const absl::Status status = endpoints_.back().status(); !status.ok()) {
      return absl::StrCat("one of its endpoints is wrong: ", status.message());
    }
  }
  return "";
}

absl::Status TransportKey::status() const { return error_.empty() ? absl::OkStatus() : absl::InvalidArgumentError(error_); }

absl::Status TransportKey::CheckOptions(std::initializer_list<absl::string_view> known) const {
  for (const auto& [name, value] : options_) {
    if (std::find(known.begin(), known.end(), absl::string_view(name)) == known.end()) {
      std::string list;
      for (absl::string_view option : known) absl::StrAppend(&list, list.empty() ? "" : ", ", option);
      return absl::InvalidArgumentError(absl::StrCat("transport key \"", text_, "\": unknown option \"", name, "\"; ", scheme(),
                                                     known.size() == 0 ? " takes none" : " takes: ", list));
    }
  }
  return absl::OkStatus();
}

absl::Status TransportKey::ReadNumber(absl::string_view name, int64_t least, int64_t most, int64_t& value, int base) const {
  const auto option = options_.find(std::string(name));
  if (option == options_.end()) return absl::OkStatus();
  const std::string& text = option->second;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error == std::errc() && end == text.data() + text.size() && text[0] != '-' && number >= least && number <= most) {
    value = number;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("transport key \"", text_, "\": option \"", name, "\" takes a number from ",
                                                 Digits(least, base), " to ", Digits(most, base), base == 8 ? ", octal" : "",
                                                 ", and not \"", text, "\""));
}

}  // namespace rain
