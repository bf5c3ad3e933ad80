// TransportKey: the only index to an access point, a URI such as tcp://127.0.0.1:8899, unix:///run/x.sock, unix:@abstract,
// inproc://name. Options follow as ?name=value&name=value. A list, "tcp://a:1,unix:///b", dials the first endpoint that can be
// reached; the first of all is the active one, the others stand by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "listenrain/framework/rarely.h"

namespace rain {

// A value, and a small one: copies share the text. Thread: like any value. Checked once, when made; what is wrong with the text
// is told by status().
class TransportKey {
 public:
  TransportKey() : TransportKey(absl::string_view()) {}
  TransportKey(absl::string_view text);                                             // NOLINT: a key is one string
  TransportKey(const char* text) : TransportKey(absl::string_view(text)) {}         // NOLINT
  TransportKey(const std::string& text) : TransportKey(absl::string_view(text)) {}  // NOLINT

  // Moved from, it is what it was.
  TransportKey(const TransportKey& other) = default;
  TransportKey& operator=(const TransportKey& other) = default;

  // Errors: INVALID_ARGUMENT saying what is wrong where.
  absl::Status status() const;

  const std::string& text() const { return parsed_->text; }
  // "tcp", "unix", "inproc", …; empty if status() is an error.
  absl::string_view scheme() const { return parsed_->Of(parsed_->scheme); }
  // Of a list, its endpoints, in order; else none. A list itself has neither scheme nor address nor options.
  const std::vector<TransportKey>& endpoints() const;
  // Between the scheme and the options: "127.0.0.1:8899", "/run/x.sock", "@abstract", "name"; empty if status() is an error.
  absl::string_view address() const { return parsed_->Of(parsed_->address); }
  // Names and values, in order of names, parsed for each call; none if status() is an error. Views of this key's text.
  using Options = std::vector<std::pair<absl::string_view, absl::string_view>>;
  Options options() const;
  // The value of one of them, likewise.
  std::optional<absl::string_view> option(absl::string_view name) const;

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

  friend bool operator==(const TransportKey& a, const TransportKey& b) {
    return a.parsed_ == b.parsed_ || (a.parsed_->hash == b.parsed_->hash && a.text() == b.text());
  }
  template <typename H>
  friend H AbslHashValue(H state, const TransportKey& key) {
    return H::combine(std::move(state), key.parsed_->hash);
  }

 private:
  // What only lists and wrong keys have.
  struct Unusual {
    std::vector<TransportKey> endpoints;
    std::string error;
  };
  // One for each connection that is dialed, so it is small.
  struct Parsed {
    // Of `text`.
    struct Part {
      uint32_t begin = 0;
      uint32_t size = 0;
    };
    explicit Parsed(absl::string_view from);
    absl::string_view Of(Part part) const { return absl::string_view(text).substr(part.begin, part.size); }
    // What is wrong, or nothing.
    std::string Parse();
    std::string ParseList();

    const std::string text;
    const size_t hash;
    Part scheme;
    Part address;
    Part options;
    Rarely<Unusual> unusual;
  };
  absl::Status ReadNumber(absl::string_view name, int64_t least, int64_t most, int64_t& value, int base) const;

  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace rain
