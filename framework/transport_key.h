// TransportKey: the only index to an access point, a URI such as tcp://127.0.0.1:8899, unix:///run/x.sock, unix:@abstract,
// inproc://name. Options follow as ?name=value&name=value. A list, "tcp://a:1,unix:///b", dials the first endpoint that can be
// reached; the first of all is the active one, the others stand by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rain {

// A value. Thread: like any value. Parsed once, when made; what is wrong with the text is told by status().
class TransportKey {
 public:
  TransportKey() : TransportKey(absl::string_view()) {}
  TransportKey(absl::string_view text);                                             // NOLINT: a key is one string
  TransportKey(const char* text) : TransportKey(absl::string_view(text)) {}         // NOLINT
  TransportKey(const std::string& text) : TransportKey(absl::string_view(text)) {}  // NOLINT

  // Errors: INVALID_ARGUMENT saying what is wrong where.
  absl::Status status() const;

  const std::string& text() const { return text_; }
  // "tcp", "unix", "inproc", …; empty if status() is an error.
  absl::string_view scheme() const { return absl::string_view(text_).substr(0, scheme_size_); }
  // Of a list, its endpoints, in order; else none. A list itself has neither scheme nor address nor options.
  const std::vector<TransportKey>& endpoints() const { return endpoints_; }
  // Between the scheme and the options: "127.0.0.1:8899", "/run/x.sock", "@abstract", "name"; empty if status() is an error.
  absl::string_view address() const { return absl::string_view(text_).substr(address_at_, address_size_); }
  // In order of names; none if status() is an error.
  const std::map<std::string, std::string>& options() const { return options_; }

  // INVALID_ARGUMENT naming the first option that is not among `known`.
  absl::Status CheckOptions(std::initializer_list<absl::string_view> known) const;

  // Sets `value` to the whole number that the option says; leaves it as it is, if the key has no such option. `base` 8 reads a
  // file's mode. Errors: INVALID_ARGUMENT naming the option and what it takes: digits, from `least` (0 or more) to `most`.
  template <class T>
  absl::Status ReadOption(absl::string_view name, std::type_identity_t<T> least, std::type_identity_t<T> most, T& value,
                          int base = 10) const {
    int64_t number = static_cast<int64_t>(value);
    absl::Status status = ReadNumber(name, static_cast<int64_t>(least), static_cast<int64_t>(most), number, base);
    value = static_cast<T>(number);
    return status;
  }

  friend bool operator==(const TransportKey& a, const TransportKey& b) { return a.hash_ == b.hash_ && a.text_ == b.text_; }
  template <typename H>
  friend H AbslHashValue(H state, const TransportKey& key) {
    return H::combine(std::move(state), key.hash_);
  }

 private:
  // What is wrong, or nothing.
  std::string Parse();
  std::string ParseList();
  absl::Status ReadNumber(absl::string_view name, int64_t least, int64_t most, int64_t& value, int base) const;

  std::string text_;
  size_t hash_ = 0;
  size_t scheme_size_ = 0;
  size_t address_at_ = 0;
  size_t address_size_ = 0;
  std::map<std::string, std::string> options_;
  std::vector<TransportKey> endpoints_;
  std::string error_;
};

}  // namespace rain
