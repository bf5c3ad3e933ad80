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

TransportKey::TransportKey(absl::string_view text) : parsed_(std::make_shared<const Parsed>(text)) {}

TransportKey::Parsed::Parsed(absl::string_view from) : text(from), hash(absl::Hash<absl::string_view>()(from)) {
  const std::string wrong = Parse();
  if (wrong.empty()) return;
  scheme = address = {};
  options.clear();
  endpoints.clear();
  error = absl::StrCat("transport key \"", absl::CHexEscape(text), "\": ", wrong,
                       " (a key reads scheme:address, such as tcp://127.0.0.1:8899)");
}

std::string TransportKey::Parsed::Parse() {
  const absl::string_view all = text;
  const size_t colon = all.find(':');
  if (colon == absl::string_view::npos || !absl::ascii_isalpha(static_cast<unsigned char>(all.front()))) return "no scheme";
  for (const char c : all.substr(0, colon)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '-' && c != '.') {
      return "its scheme has a character that no scheme may have";
    }
  }
  if (all.find(',') != absl::string_view::npos) return ParseList();
  if (all.find('\0') != absl::string_view::npos) return "it has a zero byte";
  absl::string_view rest = all.substr(colon + 1);
  if (rest.substr(0, 2) == "//") rest.remove_prefix(2);
  const size_t question = rest.find('?');
  address = rest.substr(0, question);
  if (address.empty()) return "no address";
  scheme = all.substr(0, colon);
  if (question == absl::string_view::npos) return "";
  for (const absl::string_view option : absl::StrSplit(rest.substr(question + 1), '&')) {
    const size_t equals = option.find('=');
    if (equals == 0 || equals == absl::string_view::npos) return absl::StrCat("option \"", option, "\" is not name=value");
    options.emplace_back(option.substr(0, equals), option.substr(equals + 1));
  }
  std::sort(options.begin(), options.end());
  const auto twice =
      std::adjacent_find(options.begin(), options.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  return twice == options.end() ? "" : absl::StrCat("option \"", twice->first, "\" is given twice");
}

std::string TransportKey::Parsed::ParseList() {
  for (const absl::string_view endpoint : absl::StrSplit(absl::string_view(text), ',')) {
    endpoints.emplace_back(endpoint);
    if (const absl::Status status = endpoints.back().status(); !status.ok()) {
      return absl::StrCat("one of its endpoints is wrong: ", status.message());
    }
  }
  return "";
}

absl::Status TransportKey::status() const {
  return parsed_->error.empty() ? absl::OkStatus() : absl::InvalidArgumentError(parsed_->error);
}

std::optional<absl::string_view> TransportKey::option(absl::string_view name) const {
  for (const auto& [known, value] : options()) {
    if (known == name) return value;
  }
  return std::nullopt;
}

absl::Status TransportKey::CheckOptions(std::initializer_list<absl::string_view> known) const {
  for (const auto& [name, value] : options()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string list;
      for (absl::string_view option : known) absl::StrAppend(&list, list.empty() ? "" : ", ", option);
      return absl::InvalidArgumentError(absl::StrCat("transport key \"", text(), "\": unknown option \"", name, "\"; ", scheme(),
                                                     known.size() == 0 ? " takes none" : " takes: ", list));
    }
  }
  return absl::OkStatus();
}

absl::Status TransportKey::ReadNumber(absl::string_view name, int64_t least, int64_t most, int64_t& value, int base) const {
  const std::optional<absl::string_view> given = option(name);
  if (!given.has_value()) return absl::OkStatus();
  const absl::string_view digits = *given;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error == std::errc() && end == digits.data() + digits.size() && digits[0] != '-' && number >= least && number <= most) {
    value = number;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("transport key \"", text(), "\": option \"", name, "\" takes a number from ",
                                                 Digits(least, base), " to ", Digits(most, base), base == 8 ? ", octal" : "",
                                                 ", and not \"", digits, "\""));
}

}  // namespace rain
