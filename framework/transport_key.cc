#include "listenrain/framework/transport_key.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
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

// "name=value", of which the name is not empty.
std::optional<std::pair<absl::string_view, absl::string_view>> ParseOption(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == absl::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

}  // namespace

TransportKey::TransportKey(absl::string_view text) : parsed_(std::make_shared<const Parsed>(text)) {}

TransportKey::Parsed::Parsed(absl::string_view from) : text(from), hash(absl::Hash<absl::string_view>()(from)) {
  const std::string wrong = Parse();
  if (wrong.empty()) return;
  scheme = address = options = {};
  unusual->endpoints.clear();
  unusual->error = absl::StrCat("transport key \"", absl::CHexEscape(text), "\": ", wrong,
                                " (a key reads scheme:address, such as tcp://127.0.0.1:8899)");
}

std::string TransportKey::Parsed::Parse() {
  const absl::string_view all = text;
  if (all.size() > std::numeric_limits<uint32_t>::max()) return "it is too long";
  const auto part_of = [&](absl::string_view part) {
    return Part{static_cast<uint32_t>(part.data() - all.data()), static_cast<uint32_t>(part.size())};
  };
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
  address = part_of(rest.substr(0, question));
  if (address.size == 0) return "no address";
  scheme = part_of(all.substr(0, colon));
  if (question == absl::string_view::npos) return "";
  options = part_of(rest.substr(question + 1));
  std::vector<absl::string_view> names;
  for (const absl::string_view piece : absl::StrSplit(Of(options), '&')) {
    const auto option = ParseOption(piece);
    if (!option.has_value()) return absl::StrCat("option \"", piece, "\" is not name=value");
    names.push_back(option->first);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? "" : absl::StrCat("option \"", *twice, "\" is given twice");
}

std::string TransportKey::Parsed::ParseList() {
  for (const absl::string_view endpoint : absl::StrSplit(absl::string_view(text), ',')) {
    unusual->endpoints.emplace_back(endpoint);
    if (const absl::Status status = unusual->endpoints.back().status(); !status.ok()) {
      return absl::StrCat("one of its endpoints is wrong: ", status.message());
    }
  }
  return "";
}

absl::Status TransportKey::status() const {
  const Unusual* unusual = parsed_->unusual.get();
  return unusual == nullptr || unusual->error.empty() ? absl::OkStatus() : absl::InvalidArgumentError(unusual->error);
}

const std::vector<TransportKey>& TransportKey::endpoints() const {
  static const auto& none = *new std::vector<TransportKey>;
  const Unusual* unusual = parsed_->unusual.get();
  return unusual == nullptr ? none : unusual->endpoints;
}

TransportKey::Options TransportKey::options() const {
  Options options;
  for (const absl::string_view text : absl::StrSplit(parsed_->Of(parsed_->options), '&', absl::SkipEmpty())) {
    options.push_back(*ParseOption(text));
  }
  std::sort(options.begin(), options.end());
  return options;
}

std::optional<absl::string_view> TransportKey::option(absl::string_view name) const {
  for (const absl::string_view text : absl::StrSplit(parsed_->Of(parsed_->options), '&', absl::SkipEmpty())) {
    const auto option = ParseOption(text);
    if (option->first == name) return option->second;
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
